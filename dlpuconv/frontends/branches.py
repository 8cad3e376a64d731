"""If(constant) -> the branch that is taken, as exporters leave it where a condition is about shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.frontends.protos import walk_nodes
from dlpuconv.frontends.renaming import all_names, fresh, rename
from dlpuconv.ir.nodes import label
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx


def inline_branches(graph: onnx.GraphProto, conditions: Mapping[str, bool | None]) -> bool:
    """Replace every If whose condition is known by its branch, in place.

    Args:
        graph: the main graph.
        conditions: what is known of booleans, by name.

    Returns:
        True when there was one.
    """
    taken = all_names(graph)
    replaced = False
    for index in range(len(graph.node) - 1, -1, -1):
        node = graph.node[index]
        condition = conditions.get(node.input[0]) if node.op_type == "If" and node.input else None
        branch = _branch(node, taken=condition) if condition is not None else None
        if branch is None or len(branch.output) < len(node.output):
            continue
        nodes = _renamed(graph, branch, node, taken)
        rest = [type(later).FromString(later.SerializeToString()) for later in graph.node[index + 1 :]]
        del graph.node[index:]
        graph.node.extend([*nodes, *rest])
        replaced = True
    return replaced


def screen_branches(model: onnx.ModelProto) -> None:
    """Check that no If is left.

    Raises:
        UnsupportedModelError: lists those whose condition depends on the input.
    """
    left = [node for node in walk_nodes(model.graph.node) if node.op_type == "If"]
    if left:
        outer = (node for node in model.graph.node if any(inner.op_type == "If" for inner in walk_nodes([node])))
        raise UnsupportedModelError(
            f"{listed(map(label, left))}: control flow cannot be converted, and the condition is"
            " only known when the model runs",
            [f"{label(node)}: its condition is only known when the model runs" for node in left],
            [name for node in outer for name in node.output if name],
            id="operator-control-flow",
        )


def _branch(node: onnx.NodeProto, *, taken: bool) -> onnx.GraphProto | None:
    name = "then_branch" if taken else "else_branch"
    return next((attribute.g for attribute in node.attribute if attribute.name == name), None)


def _renamed(
    graph: onnx.GraphProto, branch: onnx.GraphProto, node: onnx.NodeProto, taken: set[str]
) -> list[onnx.NodeProto]:
    """The branch's nodes under names that are free outside, and Identities to the If's outputs."""
    import onnx

    copy = onnx.GraphProto()
    copy.CopyFrom(branch)
    inside = [name for inner in copy.node for name in inner.output if name]
    inside += [tensor.name for tensor in copy.initializer]
    names = {name: fresh(name, taken) for name in inside}
    for inner in copy.node:
        rename(inner, names)
    for tensor in copy.initializer:
        tensor.name = names[tensor.name]
    graph.initializer.extend(copy.initializer)
    made = [names.get(value.name, value.name) for value in copy.output]
    ends = [
        onnx.NodeProto(op_type="Identity", input=[inner], output=[outer])
        for inner, outer in zip(made, node.output, strict=False)
        if outer
    ]
    return [*copy.node, *ends]

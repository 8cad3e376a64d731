"""If(constant) -> the branch that is taken, as exporters leave it where a condition is about shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.frontends.protos import walk_nodes
from dlpuconv.ir.nodes import label, subgraphs
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
    taken = _all_names(graph)
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
    names = {name: _fresh(name, taken) for name in inside}
    for inner in copy.node:
        _rename(inner, names)
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


def _rename(node: onnx.NodeProto, names: Mapping[str, str]) -> None:
    for values in (node.input, node.output):
        for index, name in enumerate(values):
            values[index] = names.get(name, name)
    for graph in subgraphs(node):
        for inner in graph.node:
            _rename(inner, names)
        for value in graph.output:
            value.name = names.get(value.name, value.name)


def _fresh(name: str, taken: set[str]) -> str:
    number = 0
    free = f"{name}_taken"
    while free in taken:
        number += 1
        free = f"{name}_taken_{number}"
    taken.add(free)
    return free


def _all_names(graph: onnx.GraphProto) -> set[str]:
    names = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    return names | {name for node in walk_nodes(graph.node) for name in (*node.input, *node.output)}

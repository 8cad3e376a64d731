"""Checks that weights fit what they are applied to, where ONNX's shape inference does not look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dlpuconv.errors import ModelError
from dlpuconv.frontends.inference import extents, is_static
from dlpuconv.frontends.protos import walk_nodes
from dlpuconv.frontends.report import raise_together
from dlpuconv.ir.nodes import label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import onnx

    from dlpuconv.frontends.inference import Inferred

    type Shape = tuple[int, ...]


def _conv(weights: Shape, groups: int) -> int:
    return weights[1] * groups if len(weights) > 1 else -1


def _first(weights: Shape, groups: int) -> int:  # noqa: ARG001 - one form for all
    return weights[0]


_WANTED: Final[dict[str, Callable[[Shape, int], int]]] = {
    "Conv": _conv,
    "ConvTranspose": _first,
    "InstanceNormalization": _first,
}
"""By operator, the channels that weights of a shape are for. Conv: [C_out, C/groups, ...]; ConvTranspose: [C, ...]."""


def screen_constants(graph: onnx.GraphProto) -> None:
    """Check the shapes of constants that ONNX's inference takes for granted: where they are wrong it ends the process.

    Raises:
        ModelError: lists the operators whose weights cannot be theirs.
    """
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    nodes = list(walk_nodes(graph.node))
    problems = [text for node in nodes if node.op_type in ("Conv", "ConvTranspose") for text in _kernel(node, shapes)]
    problems += [
        f"{label(node)} has an empty depth {node.input[1]!r}"
        for node in nodes
        if node.op_type == "OneHot" and 0 in shapes.get(node.input[1], ())
    ]
    raise_together([ModelError(text, id="operands-misfit") for text in problems])


def _kernel(node: onnx.NodeProto, shapes: dict[str, Shape]) -> Iterator[str]:
    given = next((tuple(attribute.ints) for attribute in node.attribute if attribute.name == "kernel_shape"), None)
    weights = shapes.get(node.input[1])
    if weights is None and given is None:
        yield f"{label(node)} has no kernel_shape, and its weights {node.input[1]!r} are not constant"
    elif weights is not None and len(weights) < 3:
        yield f"{label(node)} has weights of shape {list(weights)}, and a convolution's have three axes or more"
    elif weights is not None and given is not None and weights[2:] != given:
        yield f"{label(node)} has the kernel_shape {list(given)} and weights of shape {list(weights)}"


def screen_operands(graph: onnx.GraphProto, inferred: Inferred) -> None:
    """Check the channels of convolutions and normalizations.

    Raises:
        ModelError: lists the operators whose weights are for another number of channels than they get.
    """
    shapes = {name: extents(value) for name, value in inferred.types.items() if is_static(value)}
    shapes |= {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    raise_together(
        [ModelError(text, id="operands-misfit") for text in (_problem(node, shapes) for node in graph.node) if text]
    )


def _problem(node: onnx.NodeProto, shapes: dict[str, Shape]) -> str:
    known = [shapes.get(name) for name in node.input]
    if node.op_type not in _WANTED or known[0] is None or len(known[0]) < 2 or None in known[1:2]:
        return ""
    weights = known[1]
    assert weights is not None
    groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
    if not weights or groups < 1:
        return f"{label(node)} has weights of shape {list(weights)} in {groups} groups, which is impossible"
    wanted = _WANTED[node.op_type](weights, groups)
    if known[0][1] == wanted:
        return ""
    return (
        f"{label(node)} has weights of shape {list(weights)} for {wanted} channels (groups: {groups}), and its input of"
        f" shape {list(known[0])} has {known[0][1]}"
    )

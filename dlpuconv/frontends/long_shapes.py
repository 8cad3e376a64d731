"""Whether a model may ask ONNX's inference for a shape of very many axes: a target of Reshape that is a long vector.

The inference makes as many axes as the vector has elements, however many there are.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from dlpuconv.frontends.protos import walk_nodes
from dlpuconv.frontends.weights import to_array

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx

LONG: Final = 64
"""Elements: nobody's tensors have so many axes."""

_SHAPE_SLOTS: Final = {"Reshape": 1, "Expand": 1, "Tile": 1, "Resize": 1, "Upsample": 1, "Unsqueeze": 1, "OneHot": 1}
"""By operator, the first input that may say the shape of its output."""

_WINDOWS: Final = {"HannWindow", "HammingWindow", "BlackmanWindow", "MelWeightMatrix"}

_SHORT: Final = {"Shape", "Size"}
_NO_LONGER: Final = {
    "Add", "And", "Cast", "Ceil", "Clip", "Concat", "Div", "Equal", "Flatten", "Floor", "Gather", "Greater", "Identity",
    "Less", "Max", "Min", "Mod", "Mul", "Neg", "Not", "Or", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum",
    "Reshape", "ScatterND", "Slice", "Split", "Squeeze", "Sub", "Transpose", "Unsqueeze", "Where",
}  # fmt: skip
"""Operators whose output is no longer than their inputs together."""


def may_be_long(graph: onnx.GraphProto) -> bool:
    """True unless every computed shape is surely made of few numbers.

    Args:
        graph: with its small constants; what is large is an input.
    """
    nodes = list(walk_nodes(graph.node))
    if any(node.op_type in _WINDOWS for node in nodes):
        return True
    constants = {tensor.name: tensor for tensor in graph.initializer}
    slots = {name for node in nodes for name in node.input[_SHAPE_SLOTS.get(node.op_type, len(node.input)) :]}
    return _any_long(slots - constants.keys() - {""}, constants, graph, nodes)


def _any_long(
    names: Iterable[str],
    constants: dict[str, onnx.TensorProto],
    graph: onnx.GraphProto,
    nodes: list[onnx.NodeProto],
) -> bool:
    made_by = {name: node for node in nodes for name in node.output}
    given = {value.name: value for value in graph.input}
    waiting, seen = list(names), set(names)
    while waiting:
        name = waiting.pop()
        node = made_by.get(name)
        if name in constants:
            if math.prod(constants[name].dims) > LONG:
                return True
        elif name in given:
            if _length(given[name]) > LONG:
                return True
        elif node is None or not (node.op_type in _NO_LONGER | _SHORT or _is_short_filling(node, constants)):
            return True
        elif node.op_type in _NO_LONGER:
            waiting += [further for further in node.input if further and further not in seen]
            seen.update(node.input)
    return False


def _length(value: onnx.ValueInfoProto) -> int | float:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape") or not all(dim.HasField("dim_value") for dim in tensor.shape.dim):
        return math.inf
    return math.prod(int(dim.dim_value) for dim in tensor.shape.dim)


def _is_short_filling(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> bool:
    """ConstantOfShape, as `tame` writes it, of a known and small extent."""
    if node.op_type != "Expand" or any(name not in constants for name in node.input):
        return False
    value, shape = (to_array(constants[name]) for name in node.input)
    return value.size == 1 and math.prod(shape.tolist()) <= LONG

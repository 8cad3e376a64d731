"""Operators that compute on codes what they compute on the real numbers: they move or choose, and keep the scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dlpuconv.frontends.quantized.constants import CODES, INT32, rearranges
from dlpuconv.ir.nodes import label

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import onnx

_OF_FIRST: Final = {
    "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Gather", "GatherElements", "GatherND", "Slice", "Split",
    "Identity", "DepthToSpace", "SpaceToDepth", "Expand", "Tile", "Resize", "Upsample", "MaxPool", "GlobalMaxPool",
    "ReduceMax", "ReduceMin", "Pad",
}  # fmt: skip
_RANKS: Final = {"ArgMax", "ArgMin", "Shape", "Size"}
"""Operators that give the same for codes as for the real numbers, and make no codes."""


def moved(node: onnx.NodeProto, coded: Collection[str]) -> bool:
    """Whether the node moves codes: what it makes are codes of the same scale.

    Args:
        node: reads some of `coded`.
        coded: values that are codes.
    """
    if node.domain or any(name in coded for name in node.input[1:] if node.op_type != "Concat"):
        return False
    return node.op_type in _OF_FIRST or (node.op_type == "Concat" and all(name in coded for name in node.input))


def ranks(node: onnx.NodeProto) -> bool:
    """Whether the node gives the same for codes as for the real numbers, and no codes."""
    return not node.domain and node.op_type in _RANKS


def coded_inputs(graph: onnx.GraphProto) -> dict[str, onnx.NodeProto]:
    """By name, the inputs of a graph that are codes, each with the DequantizeLinear that says of which numbers."""
    readers = _readers(graph)
    types = {value.name: value.type.tensor_type.elem_type for value in graph.input}
    return _with_dequantizers((name for name, kind in types.items() if CODES.get(kind, INT32) != INT32), readers)


def chosen_constants(graph: onnx.GraphProto) -> dict[str, onnx.NodeProto]:
    """DequantizeLinear nodes of constants that operators choose a part of at run time, such as an embedding's table."""
    readers = _readers(graph)
    stored = (tensor.name for tensor in graph.initializer if CODES.get(tensor.data_type, INT32) != INT32)
    chosen = (name for name in stored if any(not rearranges(node) and _moves(node) for node in readers.get(name, [])))
    return _with_dequantizers(chosen, readers)


def _readers(graph: onnx.GraphProto) -> dict[str, list[onnx.NodeProto]]:
    """By value, the nodes that read it first of all."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input[:1]:
            readers.setdefault(name, []).append(node)
    return readers


def _with_dequantizers(names: Iterable[str], readers: dict[str, list[onnx.NodeProto]]) -> dict[str, onnx.NodeProto]:
    return {name: node for name in names if (node := _dequantizer(name, readers)) is not None}


def _moves(node: onnx.NodeProto) -> bool:
    return not node.domain and node.op_type in _OF_FIRST


def _dequantizer(name: str, readers: dict[str, list[onnx.NodeProto]]) -> onnx.NodeProto | None:
    waiting, seen = [name], {name}
    while waiting:
        for node in readers.get(waiting.pop(), []):
            if node.op_type == "DequantizeLinear":
                return node
            if _moves(node):
                waiting += [output for output in node.output if output not in seen]
                seen.update(node.output)
    return None


def refusal(node: onnx.NodeProto, names: Iterable[str]) -> str:
    """The sentence for an operator that computes with codes as numbers of their own."""
    which = next(iter(names))
    return (
        f"{label(node)} computes with the integers {which!r} themselves, which stand for real numbers; only"
        " DequantizeLinear, QLinear operators and what moves values can read them"
    )

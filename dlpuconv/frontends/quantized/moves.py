"""Operators that compute on codes what they compute on the real numbers: they move or choose, and keep the scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dlpuconv.ir.nodes import label

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import onnx

    from dlpuconv.frontends.quantized.constants import Constants

_OF_FIRST: Final = {
    "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Gather", "GatherElements", "GatherND", "Slice", "Split",
    "Identity", "DepthToSpace", "SpaceToDepth", "Expand", "Tile", "Resize", "Upsample", "MaxPool", "GlobalMaxPool",
    "ReduceMax", "ReduceMin", "Pad",
}  # fmt: skip
_RANKS: Final = {"ArgMax", "ArgMin", "Shape", "Size"}
"""Operators that give the same for codes as for the real numbers, and make no codes."""
_REARRANGES: Final = {"Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity"}


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


def rearranges(node: onnx.NodeProto) -> bool:
    """Whether the node holds what it reads in another shape or order of axes: a constant that it reads is still one."""
    return not node.domain and node.op_type in _REARRANGES and bool(node.input)


def coded_inputs(graph: onnx.GraphProto, constants: Constants) -> dict[str, onnx.NodeProto]:
    """By name, the inputs of a graph that are codes, each with the DequantizeLinear that says of which numbers."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input[:1]:
            readers.setdefault(name, []).append(node)
    found = {each.name: _dequantizer(each.name, readers) for each in graph.input if each.name not in constants}
    return {name: node for name, node in found.items() if node is not None}


def _dequantizer(name: str, readers: dict[str, list[onnx.NodeProto]]) -> onnx.NodeProto | None:
    waiting, seen = [name], {name}
    while waiting:
        for node in readers.get(waiting.pop(), []):
            if node.op_type == "DequantizeLinear":
                return node
            if not node.domain and node.op_type in _OF_FIRST:
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

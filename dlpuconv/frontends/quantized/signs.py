"""Which values of a graph cannot be negative, told node by node in running order.

A quantizer of ONNX Runtime removes a Relu whose output's lowest code stands for zero: the saturation of the codes does
its work. The float graph needs it back, but only where there may be something to cut off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import onnx

    from dlpuconv.frontends.quantized.constants import Constants

_ALWAYS: Final = {
    "Relu", "Sigmoid", "HardSigmoid", "Softmax", "Softplus", "Exp", "Abs", "Sqrt", "ReduceL1", "ReduceL2",
    "ReduceSumSquare",
}  # fmt: skip
"""Operators that make no negative number of any."""

_KEEPING: Final = {
    "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool", "Reshape", "Transpose", "Flatten", "Squeeze",
    "Unsqueeze", "Identity", "Slice", "Split", "Gather", "GatherElements", "GatherND", "Concat", "DepthToSpace",
    "SpaceToDepth", "Expand", "Tile", "Add", "Mul", "Max", "Div", "ReduceMax", "ReduceMin", "ReduceMean", "ReduceSum",
    "Dropout", "Cast",
}  # fmt: skip
"""Operators that make no negative number of numbers that are not."""

_FIRST_ONLY: Final = _KEEPING - {"Concat", "Add", "Mul", "Max", "Div"}
"""Of these, what they read besides is no number of the network's: shapes, axes, indices."""


class Signs:
    """The values that are known to be zero or above."""

    def __init__(self, graph: onnx.GraphProto, constants: Constants) -> None:
        self._above = {value.name for value in graph.input}  # what a network is fed is the calibration's to say
        self._constants = constants

    def __contains__(self, name: str) -> bool:
        """Whether the value cannot be negative."""
        return name in self._above

    def follow(self, node: onnx.NodeProto) -> None:
        """Take note of what a node makes, whose inputs were noted before."""
        if not node.domain and (node.op_type in _ALWAYS or self._keeps(node) or self._clips(node)):
            self._above.update(node.output)

    def _keeps(self, node: onnx.NodeProto) -> bool:
        if node.op_type == "Resize" and any(a.name == "mode" and a.s == b"cubic" for a in node.attribute):
            return False
        if node.op_type not in _KEEPING and node.op_type not in ("Resize", "Upsample"):
            return False
        read = node.input if node.op_type in _KEEPING - _FIRST_ONLY else node.input[:1]
        return all(name in self._above or self._is_positive(name) for name in read)

    def _is_positive(self, name: str) -> bool:
        values = self._constants.reals(name)
        return values is not None and bool((values >= 0).all())

    def _clips(self, node: onnx.NodeProto) -> bool:
        if node.op_type != "Clip":
            return False
        low = next((attribute.f for attribute in node.attribute if attribute.name == "min"), -1.0)
        return low >= 0 or (len(node.input) > 1 and self._is_positive(node.input[1]))

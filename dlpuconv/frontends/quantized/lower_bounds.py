"""What the values of a graph cannot be below, told node by node in running order.

A quantizer of ONNX Runtime removes a Relu whose output's lowest code stands for zero: the saturation of the codes does
its work. The float graph needs it back, but only where there may be something to cut off.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import onnx

    from dlpuconv.frontends.quantized.constants import GraphConstants

_OF_THEMSELVES: Final = {
    "Relu": 0.0, "Sigmoid": 0.0, "HardSigmoid": 0.0, "Softmax": 0.0, "Softplus": 0.0, "Exp": 0.0, "Abs": 0.0,
    "Sqrt": 0.0, "ReduceL1": 0.0, "ReduceL2": 0.0, "ReduceSumSquare": 0.0, "Erf": -1.0, "Tanh": -1.0,
    "HardSwish": -0.375,
}  # fmt: skip
"""Operators that make nothing below this of any number."""

_KEEPING: Final = {
    "MaxPool", "GlobalMaxPool", "GlobalAveragePool", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze",
    "Identity", "Slice", "Split", "Gather", "GatherElements", "GatherND", "DepthToSpace", "SpaceToDepth", "Expand",
    "Tile", "ReduceMax", "ReduceMin", "ReduceMean", "Dropout", "Cast",
}  # fmt: skip
"""Operators that make nothing below the lowest number of their first operand."""

_PAD_VALUE: Final = 2


class LowerBounds:
    """The lowest numbers that values can be; minus infinity where nothing is known."""

    def __init__(self, graph: onnx.GraphProto, constants: GraphConstants) -> None:
        # What a network is fed is the calibration's to say: a lowest code of zero cuts nothing off there.
        self._known: dict[str, float] = {value.name: 0.0 for value in graph.input}
        self._constants = constants

    def __getitem__(self, name: str) -> float:
        """The lower bound of one value."""
        if name not in self._known:
            values = self._constants.reals(name)
            self._known[name] = -inf if values is None or not values.size else float(values.min())
        return self._known[name]

    def follow(self, node: onnx.NodeProto) -> None:
        """Take note of what a node makes, whose inputs were noted before."""
        if node.domain or not node.input:
            return
        found = max(_OF_THEMSELVES.get(node.op_type, -inf), self._of(node))
        self._known.update((name, found) for name in node.output)

    def _of(self, node: onnx.NodeProto) -> float:
        if node.op_type in _KEEPING:
            return self[node.input[0]]
        rule = _RULES.get(node.op_type)
        return rule(node, [self[name] for name in node.input], self._constants) if rule else -inf


type _Lows = Sequence[float]


def _product(node: onnx.NodeProto, lows: _Lows, _: GraphConstants) -> float:
    return 0.0 if node.input[0] == node.input[-1] or min(lows) >= 0 else -inf


def _power(node: onnx.NodeProto, lows: _Lows, constants: GraphConstants) -> float:
    exponent = constants.reals(node.input[-1])
    even = exponent is not None and bool((exponent % 2 == 0).all())
    return 0.0 if even or lows[0] >= 0 else -inf


def _difference(node: onnx.NodeProto, lows: _Lows, constants: GraphConstants) -> float:
    taken = constants.reals(node.input[-1])
    return lows[0] - float(taken.max()) if taken is not None and taken.size else -inf


def _clip(node: onnx.NodeProto, lows: _Lows, _: GraphConstants) -> float:
    attribute = next((attribute.f for attribute in node.attribute if attribute.name == "min"), -inf)
    return max(lows[0], attribute, lows[1] if len(lows) > 1 and node.input[1] else -inf)


def _padded(node: onnx.NodeProto, lows: _Lows, _: GraphConstants) -> float:
    attribute = next((attribute.f for attribute in node.attribute if attribute.name == "value"), 0.0)  # before opset 11
    return min(lows[0], lows[_PAD_VALUE] if len(lows) > _PAD_VALUE and node.input[_PAD_VALUE] else attribute)


def _resize(node: onnx.NodeProto, lows: _Lows, _: GraphConstants) -> float:
    cubic = any(attribute.name == "mode" and attribute.s == b"cubic" for attribute in node.attribute)
    return -inf if cubic else min(lows[0], 0.0)


_RULES: Final[dict[str, Callable[[onnx.NodeProto, _Lows, GraphConstants], float]]] = {
    "Add": lambda _, lows, __: sum(lows),
    "Sub": _difference,
    "Mul": _product,
    "Div": lambda _, lows, __: 0.0 if min(lows) >= 0 else -inf,
    "Pow": _power,
    "Max": lambda _, lows, __: max(lows),
    "Pad": _padded,
    "Concat": lambda _, lows, __: min(lows),
    "Clip": _clip,
    "AveragePool": lambda _, lows, __: min(lows[0], 0.0),  # it may count padding
    "ReduceSum": lambda _, lows, __: 0.0 if lows[0] >= 0 else -inf,
    "Resize": _resize,
    "Upsample": _resize,
}

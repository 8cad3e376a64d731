"""What is known about values without running the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir

_NON_NEGATIVE = frozenset(
    ("Relu", "Sigmoid", "HardSigmoid", "Softmax", "Exp", "Abs", "Sqrt", "ReduceL1", "ReduceL2", "Softplus")
)
_KEEPS_SIGN = frozenset((
    "AveragePool", "Flatten", "Gather", "GlobalAveragePool", "GlobalMaxPool", "Identity", "MaxPool", "ReduceMax",
    "ReduceMean", "ReduceMin", "ReduceSum", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze",
))  # fmt: skip
_KEEPS_SIGNS = frozenset(("Add", "Mul", "Max", "Min", "Concat", "Sum"))
_DEPTH = 8


def is_non_negative(value: onnx_ir.Value | None, depth: int = _DEPTH) -> bool:
    """True if no element of the value can be below zero.

    Args:
        value: an activation or a constant.
        depth: how many operators to look back.
    """
    if value is None or depth == 0:
        return False
    if value.is_initializer() and value.const_value is not None:
        return bool((value.const_value.numpy() >= 0).all())
    node = value.producer()
    if node is None or node.domain != "":
        return False
    if node.op_type in _NON_NEGATIVE or (node.op_type == "Mul" and node.inputs[0] is node.inputs[1]):
        return True
    if node.op_type == "Clip":
        low = node.inputs[1] if len(node.inputs) > 1 else None
        return low is not None and low.is_initializer() and is_non_negative(low)
    if node.op_type in _KEEPS_SIGN:
        return is_non_negative(node.inputs[0], depth - 1)
    return node.op_type in _KEEPS_SIGNS and all(is_non_negative(v, depth - 1) for v in node.inputs)

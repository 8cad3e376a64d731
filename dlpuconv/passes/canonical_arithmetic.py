"""One spelling for each sum, product, power and quotient.

    x / c -> x * (1 / c)               x - c -> x + (-c)             -x -> x * (-1)
    x ** 2 -> x * x                    x ** 0.5 -> Sqrt(x)           x ** -0.5 -> Reciprocal(Sqrt(x))
    x / Sqrt(y) -> x * Reciprocal(Sqrt(y))                           Sum(a, b, c) -> (a + b) + c
    ReduceSumSquare(x) -> ReduceSum(x * x)                           ReduceL2(x) -> Sqrt(ReduceSum(x * x))

TFLite has no 8-bit DIV that survives a zero, no 8-bit POW and no 8-bit NEG; 1 / Sqrt becomes RSQRT, which has one.
Needs constants folded. Leaves no Sum, Mean, Neg, ReduceL1, ReduceL2 or ReduceSumSquare of floats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape
from dlpuconv.passes.ranges import is_non_negative

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx_ir


_ROUNDED = 1e-6
"""PyTorch writes the root of `cdist` as a power of 0.49999976."""


def respell(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Rewrite one node by the table above."""
    dtype = node.outputs[0].dtype
    if dtype is None or not dtype.is_floating_point():
        return None
    result = _SPELLINGS[node.op_type](editor, node)
    if result is None or isinstance(result, str):
        return result
    editor.substitute(node, result)
    return FIRED


def _constant(editor: Editor, node: onnx_ir.Node, values: object) -> onnx_ir.Value:
    return editor.constant(np.asarray(values, np.float32), f"{node.name}_constant")


def _div(editor: Editor, node: onnx_ir.Node) -> onnx_ir.Value | str | None:
    x, y = node.inputs
    divisor = editor.array(y)
    if divisor is not None:
        with np.errstate(divide="ignore", over="ignore"):
            inverse = (1.0 / divisor.astype(np.float64)).astype(np.float32)
        if not np.isfinite(inverse).all():
            return "it divides by a constant whose inverse is not finite"
        return editor.add(node, "Mul", [x, _constant(editor, node, inverse)])
    before = y.producer() if y is not None else None
    dividend = editor.array(x)
    if dividend is not None and (dividend == 1).all() and static_shape(y) == static_shape(node.outputs[0]):
        return editor.add(node, "Reciprocal", [y])
    if before is not None and before.op_type == "Sqrt":
        return editor.add(node, "Mul", [x, editor.add(node, "Reciprocal", [y])])
    clipped = _clipped_root(editor, before)
    if clipped is not None:
        return editor.add(node, "Mul", [x, clipped])
    if before is not None and before.op_type == "Exp":
        negative = editor.add(node, "Mul", [before.inputs[0], _constant(editor, node, -1)])
        return editor.add(node, "Mul", [x, editor.add(node, "Exp", [negative])])
    if is_non_negative(y) and _size(y) * 4 <= _size(node.outputs[0]):
        # y is a sum or mean of squares and the like: two reciprocal roots are cheaper to quantize than a quotient.
        root = editor.add(node, "Reciprocal", [editor.add(node, "Sqrt", [y])])
        return editor.add(node, "Mul", [x, editor.add(node, "Mul", [root, root])])
    return "the divisor is not known to be a constant, a root, an exponential or a sum of squares"


def _clipped_root(editor: Editor, clip: onnx_ir.Node | None) -> onnx_ir.Value | None:
    """1 / Clip(Sqrt(s), low) as Reciprocal(Sqrt(Clip(s, low ** 2))): how PyTorch normalizes vectors."""
    if clip is None or clip.op_type != "Clip" or len(clip.inputs) < 2 or any(v is not None for v in clip.inputs[2:]):
        return None
    low, root = editor.scalar(clip.inputs[1]), clip.inputs[0].producer() if clip.inputs[0] is not None else None
    if low is None or low < 0 or root is None or root.op_type != "Sqrt":
        return None
    bounded = editor.add(clip, "Clip", [root.inputs[0], _constant(editor, clip, max(low**2, 1e-30))])
    return editor.add(clip, "Reciprocal", [editor.add(clip, "Sqrt", [bounded])])


def _size(value: onnx_ir.Value | None) -> int:
    return int(np.prod(static_shape(value) or (0,), dtype=np.int64))


def _sub(editor: Editor, node: onnx_ir.Node) -> onnx_ir.Value | None:
    subtrahend = editor.array(node.inputs[1])
    if subtrahend is not None:
        return editor.add(node, "Add", [node.inputs[0], _constant(editor, node, -subtrahend)])
    return None  # c - x is one SUB; x * (-1) + c would be two operators


def _neg(editor: Editor, node: onnx_ir.Node) -> onnx_ir.Value | None:
    return editor.add(node, "Mul", [node.inputs[0], _constant(editor, node, -1)])


def _pow(editor: Editor, node: onnx_ir.Node) -> onnx_ir.Value | str | None:
    x, exponent = node.inputs[0], editor.scalar(node.inputs[1])
    if exponent is None:
        return "its exponent is not one constant number"
    if abs(exponent - round(exponent * 2) / 2) < _ROUNDED:
        exponent = round(exponent * 2) / 2
    if exponent in (2, 3, 4):
        square = editor.add(node, "Mul", [x, x])
        if exponent == 2:
            return square
        return editor.add(node, "Mul", [square, x if exponent == 3 else square])
    if exponent == 0.5:
        return editor.add(node, "Sqrt", [x])
    if exponent == -1:
        return editor.add(node, "Reciprocal", [x])
    if exponent == -0.5:
        return editor.add(node, "Reciprocal", [editor.add(node, "Sqrt", [x])])
    return f"there is no spelling of the power {exponent:g} without Pow"


def _sum(editor: Editor, node: onnx_ir.Node) -> onnx_ir.Value | None:
    total = node.inputs[0]
    for value in node.inputs[1:]:
        total = editor.add(node, "Add", [total, value])
    return total if len(node.inputs) > 1 else None


def _mean(editor: Editor, node: onnx_ir.Node) -> onnx_ir.Value | None:
    total = _sum(editor, node)
    return None if total is None else editor.add(node, "Mul", [total, _constant(editor, node, 1 / len(node.inputs))])


def _sum_of_squares(editor: Editor, node: onnx_ir.Node) -> onnx_ir.Value | None:
    square = editor.add(node, "Mul", [node.inputs[0], node.inputs[0]])
    return editor.add(node, "ReduceSum", [square, *node.inputs[1:]], _settings(node))


def _norm(editor: Editor, node: onnx_ir.Node) -> onnx_ir.Value | None:
    return editor.add(node, "Sqrt", [_sum_of_squares(editor, node)])


def _sum_of_magnitudes(editor: Editor, node: onnx_ir.Node) -> onnx_ir.Value | None:
    magnitude = editor.add(node, "Abs", [node.inputs[0]])
    return editor.add(node, "ReduceSum", [magnitude, *node.inputs[1:]], _settings(node))


def _settings(node: onnx_ir.Node) -> dict[str, int]:
    return {name: attrs.integer(node, name, d) for name, d in (("keepdims", 1), ("noop_with_empty_axes", 0))}


_SPELLINGS: dict[str, Callable[[Editor, onnx_ir.Node], onnx_ir.Value | str | None]] = {
    "Div": _div,
    "Sub": _sub,
    "Neg": _neg,
    "Pow": _pow,
    "Sum": _sum,
    "Mean": _mean,
    "ReduceSumSquare": _sum_of_squares,
    "ReduceL2": _norm,
    "ReduceL1": _sum_of_magnitudes,
}

PASS = Rewrite("canonical-arithmetic", "rewritten as basic arithmetic, such as Add and Mul", tuple(_SPELLINGS), respell)

"""Operators that came after opset 11 -> operators that opset 11 has; the formulas are those of the ONNX operator pages.

Each function replaces one node and returns True, or returns False where it has no form for it. New nodes are spelled
as the graph's present opset does. Where there is a choice, the forms use what the published list of CVflow operators
holds: Clip rather than HardSigmoid, for example. Normalizations but those of groups are spelled out in the normal form.
"""

from __future__ import annotations

from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.plugin.onnx import Editor, static_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import onnx_ir

    type Decomposition = Callable[[Editor, onnx_ir.Node], bool]

_REDUCTION_AXES_ARE_INPUTS = 18
_GROUP_SCALE_IS_PER_CHANNEL = 21


class _Formula:
    """Writes float32 arithmetic in front of a node."""

    def __init__(self, editor: Editor, node: onnx_ir.Node) -> None:
        self._editor, self._node = editor, node
        self._hint = node.name or node.op_type

    def number(self, value: float) -> onnx_ir.Value:
        return self._editor.constant(np.asarray(value, np.float32), f"{self._hint}_number")

    def integers(self, values: Sequence[int]) -> onnx_ir.Value:
        return self._editor.constant(np.asarray(values, np.int64), f"{self._hint}_integers")

    def op(self, operator: str, *inputs: onnx_ir.Value | float | None, **attributes: Any) -> onnx_ir.Value:
        values = [self.number(x) if isinstance(x, (int, float)) else x for x in inputs]
        return self._editor.add(self._node, operator, values, attributes)

    def mean(self, x: onnx_ir.Value, axes: Sequence[int]) -> onnx_ir.Value:
        if self._editor.opset >= _REDUCTION_AXES_ARE_INPUTS:
            return self.op("ReduceMean", x, self.integers(axes), keepdims=1)
        return self.op("ReduceMean", x, axes=list(axes), keepdims=1)

    def normalized(self, x: onnx_ir.Value, axes: Sequence[int], epsilon: float) -> onnx_ir.Value:
        """(x - mean) / sqrt(variance + epsilon) over some axes."""
        centred = self.op("Sub", x, self.mean(x, axes))
        variance = self.mean(self.op("Mul", centred, centred), axes)
        return self.op("Div", centred, self.op("Sqrt", self.op("Add", variance, epsilon)))

    def finish(self, result: onnx_ir.Value) -> bool:
        self._editor.substitute(self._node, result)
        return True


def celu(editor: Editor, node: onnx_ir.Node) -> bool:
    """Celu<a>(x) -> a * Elu<1>(x / a)."""
    f, alpha = _Formula(editor, node), node.attributes.get_float("alpha", 1.0)
    if alpha == 1.0:
        return f.finish(f.op("Elu", node.inputs[0], alpha=1.0))
    return f.finish(f.op("Mul", f.op("Elu", f.op("Div", node.inputs[0], alpha), alpha=1.0), alpha))


def cast_like(editor: Editor, node: onnx_ir.Node) -> bool:
    """CastLike(x, y) -> Cast<type of y>(x)."""
    like = node.inputs[1]
    if like is None or like.dtype is None:
        return False
    f = _Formula(editor, node)
    return f.finish(f.op("Cast", node.inputs[0], to=int(like.dtype)))


def gelu(editor: Editor, node: onnx_ir.Node) -> bool:
    """Gelu(x) -> 0.5 * x * (1 + Erf(x / sqrt(2))), or with Tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)) for Erf."""
    f, x = _Formula(editor, node), node.inputs[0]
    if node.attributes.get_string("approximate", "none") == "tanh":
        cube = f.op("Mul", f.op("Mul", f.op("Mul", x, x), x), 0.044715)
        step = f.op("Tanh", f.op("Mul", f.op("Add", x, cube), sqrt(2 / np.pi)))
    else:
        step = f.op("Erf", f.op("Div", x, sqrt(2.0)))
    return f.finish(f.op("Mul", f.op("Mul", x, f.op("Add", step, 1.0)), 0.5))


def group_normalization(editor: Editor, node: onnx_ir.Node) -> bool:
    """GroupNormalization(x, scale, bias) -> normalization of [N, G, -1], then Mul and Add."""
    x, scale, bias = node.inputs[:3]
    shape, groups = static_shape(x), node.attributes["num_groups"].as_int()
    given_scale, given_bias = editor.array(scale), editor.array(bias)
    if x is None or shape is None or given_scale is None or given_bias is None:
        return False
    f = _Formula(editor, node)
    flat = f.op("Reshape", x, f.integers([shape[0], groups, prod(shape[1:]) // groups]))
    normal = f.normalized(flat, [2], node.attributes.get_float("epsilon", 1e-5))
    back = f.op("Reshape", normal, f.integers(shape))
    repeat = 1 if editor.opset >= _GROUP_SCALE_IS_PER_CHANNEL else shape[1] // groups
    affine = [
        editor.constant(np.repeat(values, repeat).reshape(-1, *[1] * (len(shape) - 2)), f"{node.name}_{what}")
        for values, what in ((given_scale, "scale"), (given_bias, "bias"))
    ]
    return f.finish(f.op("Add", f.op("Mul", back, affine[0]), affine[1]))


def hard_swish(editor: Editor, node: onnx_ir.Node) -> bool:
    """HardSwish(x) -> x * Clip(x + 3, 0, 6) / 6."""
    f, x = _Formula(editor, node), node.inputs[0]
    return f.finish(f.op("Mul", x, f.op("Mul", f.op("Clip", f.op("Add", x, 3.0), 0.0, 6.0), 1 / 6)))


def mish(editor: Editor, node: onnx_ir.Node) -> bool:
    """Mish(x) -> x * Tanh(Softplus(x))."""
    f, x = _Formula(editor, node), node.inputs[0]
    return f.finish(f.op("Mul", x, f.op("Tanh", f.op("Softplus", x))))


def or_equal(editor: Editor, node: onnx_ir.Node) -> bool:
    """GreaterOrEqual(a, b) -> Not(Less(a, b)), and the like."""
    f = _Formula(editor, node)
    opposite = {"GreaterOrEqual": "Less", "LessOrEqual": "Greater"}[node.op_type]
    return f.finish(f.op("Not", f.op(opposite, *node.inputs)))


def trilu(editor: Editor, node: onnx_ir.Node) -> bool:
    """Trilu<upper>(x, k) -> Where(mask, x, 0); the mask is known, for shapes are static."""
    x, shape = node.inputs[0], static_shape(node.inputs[0])
    diagonal = 0
    if len(node.inputs) > 1 and node.inputs[1] is not None:
        given = editor.scalar(node.inputs[1])
        if given is None:
            return False
        diagonal = int(given)
    if x is None or shape is None or x.dtype is None:
        return False
    cut = np.triu if node.attributes.get_int("upper", 1) else np.tril
    mask = editor.constant(cut(np.ones(shape[-2:], np.bool_), diagonal), f"{node.name}_mask")
    zero = editor.constant(np.zeros((), x.dtype.numpy()), f"{node.name}_zero")
    editor.substitute(node, editor.add(node, "Where", [mask, x, zero]))
    return True


DECOMPOSITIONS: dict[str, Decomposition] = {
    "CastLike": cast_like,
    "Celu": celu,
    "Gelu": gelu,
    "GreaterOrEqual": or_equal,
    "GroupNormalization": group_normalization,
    "HardSwish": hard_swish,
    "LessOrEqual": or_equal,
    "Mish": mish,
    "Trilu": trilu,
}
"""By operator; used only where the wanted opset has no such operator."""

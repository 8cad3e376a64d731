"""Elu<alpha> -> Relu(x) + alpha * Elu(Clip(x, , 0)); CumSum -> MatMul; LRN -> x * Exp(-beta * Log(Conv(x * x))).

PRelu(x, a) -> Relu(x) - Relu(-x) * a, where the slopes are not those of channels.

onnx2tf drops the factor of an Elu, takes a PRelu's slopes for those of the second axis, and TFLite has no 8-bit CUMSUM
and LOCAL_RESPONSE_NORMALIZATION. Sources: the operators' pages, https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.plugin.onnx import Editor, static_shape

if TYPE_CHECKING:
    import onnx_ir

_LONGEST = 1024
"""Elements of an axis, of which the matrix of a cumulative sum has the square; and channels."""


def has_a_slope(_: Editor, node: onnx_ir.Node) -> bool:
    """Whether an Elu is not the one that TFLite has."""
    return bool(node.attributes.get_float("alpha", 1.0) != 1.0)


def spell_elu(editor: Editor, node: onnx_ir.Node) -> None:
    """Rewrite one Elu."""
    x, alpha = node.inputs[0], _number(editor, node, node.attributes.get_float("alpha", 1.0))
    below = editor.add(node, "Clip", [x, None, _number(editor, node, 0.0)])
    curve = editor.add(node, "Mul", [editor.add(node, "Elu", [below]), alpha])
    editor.substitute(node, editor.add(node, "Add", [editor.add(node, "Relu", [x]), curve]))


def has_other_slopes(editor: Editor, node: onnx_ir.Node) -> bool:
    """Whether a PRelu is not of a map or a row, or its slopes are not constants of the second axis."""
    slopes, shape = static_shape(node.inputs[1]), static_shape(node.inputs[0])
    if slopes is None or shape is None:
        return False
    second = shape[1:2] + (1,) * (len(shape) - 2)
    return editor.array(node.inputs[1]) is None or len(shape) not in (2, 4) or slopes != second


def spell_prelu(editor: Editor, node: onnx_ir.Node) -> None:
    """Rewrite one PRelu: of a map's last axis with its channels between Transposes, any other in halves."""
    x, slopes, shape = node.inputs[0], editor.array(node.inputs[1]), static_shape(node.inputs[0]) or ()
    if slopes is not None and len(shape) == 4 and slopes.size == slopes.shape[-1] == shape[-1]:
        x = editor.add(node, "Transpose", [x], {"perm": [0, 3, 1, 2]})
        y = editor.add(node, "PRelu", [x, editor.constant(slopes.reshape(-1, 1, 1), f"{node.name}_slopes")])
        editor.substitute(node, editor.add(node, "Transpose", [y], {"perm": [0, 2, 3, 1]}))
        return
    half = editor.add(node, "Relu", [editor.add(node, "Neg", [x])])
    below = editor.add(node, "Mul", [half, node.inputs[1]])
    editor.substitute(node, editor.add(node, "Sub", [editor.add(node, "Relu", [x]), below]))


def sums_a_short_axis(editor: Editor, node: onnx_ir.Node) -> bool:
    """Whether a CumSum of floats is over a known axis that a matrix can have."""
    shape, axis, dtype = static_shape(node.inputs[0]), editor.integers(node.inputs[1]), node.outputs[0].dtype
    if shape is None or axis is None or len(axis) != 1 or dtype is None or not dtype.is_floating_point():
        return False
    return -len(shape) <= axis[0] < len(shape) and shape[axis[0]] <= _LONGEST


def spell_cumulative_sum(editor: Editor, node: onnx_ir.Node) -> None:
    """Rewrite one CumSum as a product with a triangle of ones."""
    shape, axis = static_shape(node.inputs[0]) or (), (editor.integers(node.inputs[1]) or [0])[0]
    order = list(range(len(shape)))
    order[axis], order[-1] = order[-1], order[axis]
    square = np.ones((shape[axis], shape[axis]), np.float32)
    ones = np.triu(square, 1 if node.attributes.get_int("exclusive", 0) else 0)  # [from, to]
    if node.attributes.get_int("reverse", 0):
        ones = ones.T
    x = editor.add(node, "Transpose", [node.inputs[0]], {"perm": order})
    total = editor.add(node, "MatMul", [x, editor.constant(ones, f"{node.name}_ones")])
    editor.substitute(node, editor.add(node, "Transpose", [total], {"perm": order}))


def is_of_a_map(_: Editor, node: onnx_ir.Node) -> bool:
    """Whether an LRN is over the channels of a map that a convolution can have."""
    shape = static_shape(node.inputs[0])
    positive = node.attributes.get_float("bias", 1.0) > 0 and node.attributes.get_float("alpha", 1e-4) >= 0
    positive &= node.attributes.get_int("size", 1) > 0
    return shape is not None and len(shape) == 4 and shape[1] <= _LONGEST and positive


def spell_local_response(editor: Editor, node: onnx_ir.Node) -> None:
    """Rewrite one LRN; the sum of the squares around each channel is a convolution."""
    x, size = node.inputs[0], node.attributes.get_int("size", 1)
    channels = (static_shape(x) or ())[1]
    distance = np.arange(channels)[None, :] - np.arange(channels)[:, None]  # of what is read from what is made
    near = (distance >= -((size - 1) // 2)) & (distance <= size // 2)
    weights = near * np.float32(node.attributes.get_float("alpha", 1e-4) / size)
    bias = np.full(channels, node.attributes.get_float("bias", 1.0), np.float32)
    inputs = [
        editor.add(node, "Mul", [x, x]),
        editor.constant(weights.astype(np.float32)[..., None, None], f"{node.name}_near"),
        editor.constant(bias, f"{node.name}_bias"),
    ]
    geometry = {"kernel_shape": [1, 1], "strides": [1, 1], "pads": [0] * 4, "dilations": [1, 1], "group": 1}
    logarithm = editor.add(node, "Log", [editor.add(node, "Conv", inputs, geometry)])
    beta = _number(editor, node, -node.attributes.get_float("beta", 0.75))
    factor = editor.add(node, "Exp", [editor.add(node, "Mul", [logarithm, beta])])
    editor.substitute(node, editor.add(node, "Mul", [x, factor]))


def _number(editor: Editor, node: onnx_ir.Node, value: float) -> onnx_ir.Value:
    return editor.constant(np.asarray(value, np.float32), f"{node.name}_number")

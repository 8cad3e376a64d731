"""x * scale + shift by channels, where nothing could take them -> depthwise 1x1 Conv; HardSigmoid -> Clip(...) / 6.

Needs static shapes, and comes last. One depthwise convolution has its shift in 32 bits and can have an activation fused
to it, where MUL and ADD round twice in 8 bits; ARTPEC-9 makes a depthwise convolution of such a product in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape
from dlpuconv.passes.fold_affine import as_affine

if TYPE_CHECKING:
    import onnx_ir


def to_depthwise(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Add ∘ Mul by constants of one number a channel, on a map -> depthwise Conv."""
    found = as_affine(editor, node)
    if found is None or isinstance(found, str):
        return found
    scaled, outer = found
    before = scaled.producer()
    if before is None or before.op_type != "Mul" or editor.only_reader(scaled) is None:
        return None
    inner = as_affine(editor, before)
    if inner is None or isinstance(inner, str):
        return inner
    x, first = inner
    shape = static_shape(x)
    if shape is None or len(shape) != 4 or (first.scale.size == 1 and outer.shift.size == 1):
        return "the constants have not one value per channel of a feature map"
    channels = shape[1]
    weight = np.broadcast_to(first.scale, (channels,)).astype(np.float32).reshape(channels, 1, 1, 1)
    bias = np.broadcast_to(outer.shift, (channels,)).astype(np.float32)
    inputs = [x, editor.constant(weight, f"{node.name}_scale"), editor.constant(bias, f"{node.name}_shift")]
    editor.substitute(node, editor.add(node, "Conv", inputs, {**attrs.POINTWISE, "group": channels}))
    return FIRED


def hard_sigmoid(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """HardSigmoid -> Mul, Add, Clip to 0..6, Mul; the first two are folded into the Conv in front, and RELU6 fuses."""
    alpha, beta = attrs.number(node, "alpha", 0.2), attrs.number(node, "beta", 0.5)
    x = node.inputs[0]
    for operator, factor in (("Mul", 6 * alpha), ("Add", 6 * beta), ("Clip", None), ("Mul", 1 / 6)):
        if factor is None:
            bounds = [editor.constant(np.asarray(b, np.float32), f"{node.name}_bound") for b in (0, 6)]
            x = editor.add(node, operator, [x, *bounds])
        elif not (operator == "Mul" and np.isclose(factor, 1.0, rtol=1e-6)):
            x = editor.add(node, operator, [x, editor.constant(np.asarray(factor, np.float32), f"{node.name}_factor")])
    if x is None:
        return None
    editor.substitute(node, x)
    return FIRED


DEPTHWISE = Rewrite("affine-to-depthwise", "Mul and Add rewritten as a depthwise convolution", ("Add",), to_depthwise)
HARD_SIGMOID = Rewrite(
    "spell-hard-sigmoid", "HardSigmoid rewritten as a Clip from 0 to 6", ("HardSigmoid",), hard_sigmoid
)

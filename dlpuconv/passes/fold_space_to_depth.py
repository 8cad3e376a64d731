"""Conv ∘ SpaceToDepth<b> -> Conv of b times the kernel, stride and pads: the same products, one operator.

Needs explicit padding. The "focus" in front of a 3x3 convolution (YOLOv5 to 5.0, YOLOX) becomes a 6x6 convolution of
stride 2, as newer YOLO networks write it. Tap (k, l) on block channel (i, j) is tap (b k + i, b l + j) on the pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.passes.editor import Editor


def fold_blocks(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Fold the SpaceToDepth in front of a Conv into its weights."""
    x = node.inputs[0]
    blocks = x.producer() if x is not None else None
    if blocks is None or blocks.op_type != "SpaceToDepth":
        return None
    weight = editor.array(node.inputs[1])
    if weight is None or attrs.integer(node, "group", 1) != 1 or attrs.integers(node, "dilations") != [1, 1]:
        return "the Conv has computed weights, a dilation or groups"
    b = attrs.integer(blocks, "blocksize", 1)
    outputs, inputs, height, width = weight.shape
    split = weight.reshape(outputs, b, b, inputs // b**2, height, width)
    wide = split.transpose(0, 3, 4, 1, 5, 2).reshape(outputs, inputs // b**2, height * b, width * b)
    node.replace_input_with(0, blocks.inputs[0])
    node.replace_input_with(1, editor.constant(wide, f"{node.name}_weight"))
    for name in ("kernel_shape", "strides", "pads"):
        attrs.put(node, name, [b * extent for extent in attrs.integers(node, name) or []])
    editor.remove_unused(blocks)
    return FIRED


PASS = Rewrite("fold-space-to-depth", "SpaceToDepth folded into the convolution behind", ("Conv",), fold_blocks)

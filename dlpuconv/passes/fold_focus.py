"""Conv ∘ Concat(x[::2, ::2], x[1::2, ::2], x[::2, 1::2], x[1::2, 1::2]) -> Conv of twice the kernel and stride 2.

Needs explicit padding. YOLOv5 (to 5.0) and YOLOX begin with this "focus"; the Slices with steps run on no Edge TPU and
on no ARTPEC-9. Tap (i, j) of the Conv on the map taken at offset (a, b) is tap (2 i + a, 2 j + b) of the new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape
from dlpuconv.passes.strided_slice import ranges

if TYPE_CHECKING:
    import onnx_ir


def fold_focus(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Fold the Slices and the Concat in front of a Conv into its weights."""
    joined = node.inputs[0]
    concat = joined.producer() if joined is not None else None
    if concat is None or concat.op_type != "Concat" or attrs.integer(concat, "axis", 0) != 1 or len(concat.inputs) != 4:
        return None
    offsets = [_offset(editor, value) for value in concat.inputs]
    sources = {id(o[0]) for o in offsets if o is not None}
    if None in offsets or len(sources) != 1 or {o[1] for o in offsets if o is not None} != _CORNERS:
        return "it joins no four offsets of one map"
    weight = editor.array(node.inputs[1])
    square = attrs.integers(node, "strides") == [1, 1] and attrs.integers(node, "dilations") == [1, 1]
    if weight is None or not square or attrs.integer(node, "group", 1) != 1:
        return "the Conv has no constant weights, or steps or groups of its own"
    out, four, height, width = weight.shape
    channels = four // 4
    wide = np.zeros((out, channels, 2 * height, 2 * width), weight.dtype)
    for i, offset in enumerate(offsets):
        if offset is not None:
            a, b = offset[1]
            wide[:, :, a::2, b::2] = weight[:, i * channels : (i + 1) * channels]
    first = offsets[0]
    assert first is not None
    node.replace_input_with(0, first[0])
    node.replace_input_with(1, editor.constant(wide, f"{node.name}_weight"))
    attrs.put(node, "kernel_shape", [2 * height, 2 * width])
    attrs.put(node, "strides", [2, 2])
    attrs.put(node, "pads", [2 * p for p in attrs.integers(node, "pads") or [0] * 4])
    editor.remove_unused(concat)
    return FIRED


_CORNERS = {(0, 0), (0, 1), (1, 0), (1, 1)}


def _offset(editor: Editor, value: onnx_ir.Value | None) -> tuple[onnx_ir.Value, tuple[int, int]] | None:
    """The map that a Slice takes every second row and column of, and where it begins."""
    node = value.producer() if value is not None else None
    if node is None or node.inputs[0] is None:
        return None
    shape = static_shape(node.inputs[0])
    if node.op_type != "Slice" or shape is None or len(shape) != 4 or shape[2] % 2 or shape[3] % 2:
        return None
    cuts = ranges(editor, node)
    if cuts is None or set(cuts) != {2, 3}:
        return None
    for axis, (start, end, step) in cuts.items():
        if step != 2 or start not in (0, 1) or end <= shape[axis] - 2 + start:
            return None
    return node.inputs[0], (cuts[2][0], cuts[3][0])


PASS = Rewrite("fold-focus", "blocks of pixels folded into the convolution behind", ("Conv",), fold_focus)

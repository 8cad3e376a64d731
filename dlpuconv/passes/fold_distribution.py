"""Conv<1x1, one output> ∘ Softmax ∘ Transpose(x [N, G, K, A]) -> Conv<1x1, G outputs> ∘ Softmax(x).

Needs static shapes. YOLOv8 and its kin predict each side of a box as a distribution over K distances and take its mean
with a 1x1 Conv, for which they move the distances to the channels. The means of all G sides are one 1x1 Conv of G * K
channels that has the K distances on its diagonal: no Transpose is left, in NCHW and in NHWC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape
from dlpuconv.passes.merge_transposes import permutation

if TYPE_CHECKING:
    import onnx_ir

_MOST_GROUPS = 16
"""Groups up to which a block-diagonal Conv, most of whose weights are zeros, is cheap."""


def fold_distribution(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Fold the Transpose in front of a 1x1 Conv of one output, a Softmax between or not."""
    weight = editor.array(node.inputs[1])
    x = node.inputs[0]
    if weight is None or x is None or weight.shape[0] != 1 or weight.shape[2:] != (1, 1) or not _plain(node):
        return None
    softmax = x.producer()
    if softmax is not None and softmax.op_type == "Softmax" and editor.only_reader(x) is not None:
        if attrs.integer(softmax, "axis", -1) % 4 != 1:
            return "its Softmax is not over the channels"
        x = softmax.inputs[0]
    else:
        softmax = None
    transpose = x.producer() if x is not None else None
    if transpose is None or transpose.op_type != "Transpose" or permutation(transpose) != [0, 2, 1, 3]:
        return None
    shape = static_shape(transpose.inputs[0])
    bias = editor.array(node.inputs[2]) if len(node.inputs) > 2 else None
    if shape is None or shape[1] > _MOST_GROUPS or (len(node.inputs) > 2 and bias is None):
        return f"there are too many groups, or {node.name} has no constant bias"
    batch, groups, distances, length = shape
    spread = transpose.inputs[0]
    if softmax is not None:
        spread = editor.add(node, "Softmax", [spread], {"axis": 2})
    flat = editor.reshape(node, spread, [batch, groups * distances, 1, length])
    blocks = np.kron(np.eye(groups), weight.reshape(1, -1)).astype(weight.dtype)[..., None, None]
    inputs = [flat, editor.constant(blocks, f"{node.name}_weight")]
    if bias is not None:
        inputs.append(editor.constant(bias.repeat(groups), f"{node.name}_bias"))
    means = editor.add(node, "Conv", inputs, {**attrs.POINTWISE, "group": 1})
    editor.substitute(node, editor.reshape(node, means, [batch, 1, groups, length]))
    return FIRED


def _plain(node: onnx_ir.Node) -> bool:
    steps = attrs.integers(node, "strides") or [1, 1]
    return attrs.integer(node, "group", 1) == 1 and not attrs.pads(node) and steps == [1, 1]


PASS = Rewrite("fold-distribution", "expected values computed by one convolution", ("Conv",), fold_distribution)

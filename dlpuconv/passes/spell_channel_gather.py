"""Gather of channels -> 1x1 Conv that picks them.

Needs static shapes, and comes last, when no weights could take the order in. Neither the Edge TPU nor ARTPEC-9 has
GATHER, and TFLite's works on any axis at the cost of a copy; a 1x1 convolution with one 1 in each row is exact in 8
bits and runs everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.absorb_channel_gather import channel_index
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape

if TYPE_CHECKING:
    import onnx_ir

_WIDEST = 1024
"""Channels up to which a Conv is cheaper than what it replaces."""


def spell(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Respell one Gather along axis 1 of a rank-4 float value."""
    order = channel_index(editor, node)
    shape = static_shape(node.inputs[0])
    dtype = node.outputs[0].dtype
    if order is None or shape is None or dtype is None or not dtype.is_floating_point() or not len(order):
        return None
    if max(shape[1], len(order)) > _WIDEST:
        return f"a Conv of {shape[1]} to {len(order)} channels would cost more than the Gather"
    editor.substitute(node, picking_conv(editor, node, order, shape[1], 1))
    return FIRED


def picking_conv(
    editor: Editor,
    node: onnx_ir.Node,
    order: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    channels: int,
    stride: int,
) -> onnx_ir.Value:
    """A 1x1 Conv of the node's first input: output channel i is input channel order[i], or zeros where that is -1."""
    weight = np.zeros((len(order), channels, 1, 1), np.float32)
    kept = order >= 0
    weight[np.flatnonzero(kept), order[kept]] = 1
    geometry = {**attrs.POINTWISE, "strides": [stride, stride], "group": 1}
    return editor.add(node, "Conv", [node.inputs[0], editor.constant(weight, f"{node.name}_picks")], geometry)


PASS = Rewrite("spell-channel-gather", "Gather of channels rewritten as a 1x1 convolution", ("Gather",), spell)

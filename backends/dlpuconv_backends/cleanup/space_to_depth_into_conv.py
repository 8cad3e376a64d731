"""CONV_2D(SPACE_TO_DEPTH(x, b), K x K, stride s) -> CONV_2D(x, bK x bK, stride bs): the same products, one operator.

The "focus" in front of a 3x3 convolution becomes a 6x6 convolution of stride 2, as newer YOLO networks write it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.fold_pads import Window, same_pads
from dlpuconv_backends.cleanup.layers import Layer, layer
from dlpuconv_backends.cleanup.uses import Uses

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph, Operator


def space_to_depth_into_conv(graph: Graph) -> int:
    """Rewrite in place; how many convolutions changed. What nobody reads any more is left for `drop_dead`."""
    uses = Uses(graph)
    changed = 0
    for op in graph.operators:
        before = uses.producer(op.inputs[0]) if op.kind == "CONV_2D" else None
        conv = layer(op)
        if before is not None and before.kind == "SPACE_TO_DEPTH" and conv is not None and conv.groups == 1:
            changed += _fold(before, op, conv)
    return changed


def _fold(before: Operator, op: Operator, conv: Layer) -> bool:
    block = before.options.blockSize
    options = op.options
    if max(options.dilationHFactor, options.dilationWFactor, 1) != 1:
        return False
    if options.padding == schema.Padding.SAME and not _pads_alike(before, op, conv, block):
        return False
    outputs, height, width, inputs = conv.weights.shape
    split = conv.weights.reshape(outputs, height, width, block, block, inputs // block**2)
    spread = split.transpose(0, 1, 3, 2, 4, 5).reshape(outputs, height * block, width * block, -1)
    conv.set_weights(np.ascontiguousarray(spread))
    options.strideH, options.strideW = options.strideH * block, options.strideW * block
    op.inputs[0] = before.input(0)
    return True


def _pads_alike(before: Operator, op: Operator, conv: Layer, block: int) -> bool:
    """True when SAME around the pixels is SAME around the blocks."""
    strides = (op.options.strideH, op.options.strideW)
    for axis, stride in zip((1, 2), strides, strict=True):
        extent = conv.weights.shape[axis]
        blocks = same_pads(op.input(0).shape[axis], Window(extent, stride))
        pixels = same_pads(before.input(0).shape[axis], Window(extent * block, stride * block))
        if pixels != (blocks[0] * block, blocks[1] * block):
            return False
    return True

"""STRIDED_SLICE or SLICE behind a VALID TRANSPOSE_CONV -> SAME TRANSPOSE_CONV, where SAME cuts exactly that.

TensorFlow's SAME makes in * stride pixels and cuts (in - 1) * stride + kernel - in * stride of them, the smaller half
in front. A kernel of 4 with stride 2 and padding 1, the usual up-sampling layer, is that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.constants import constant_input, ints
from dlpuconv_backends.cleanup.layers import layer
from dlpuconv_backends.cleanup.uses import Uses
from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph


def fold_crops(graph: Graph) -> int:
    """Rewrite in place; how many operators went."""
    uses = Uses(graph)
    gone: list[Operator] = []
    for op in graph.operators:
        if op.kind not in ("SLICE", "STRIDED_SLICE") or constant_input(op, 1) is None:
            continue
        before = uses.sole_producer(op.input(0))
        if before is not None and before.kind == "TRANSPOSE_CONV" and _is_same(before, op):
            before.options.padding = schema.Padding.SAME
            shape = np.array(op.output.shape, np.int32)
            before.inputs[0] = Tensor.constant(before.input(0).name, shape)
            before.outputs[0] = op.output
            gone.append(op)
    graph.remove(gone)
    return len(gone)


def _is_same(conv: Operator, crop: Operator) -> bool:
    found = layer(conv)
    strided = crop.kind == "STRIDED_SLICE" and set(ints(crop.input(3))) != {1}
    if found is None or strided or conv.options.padding != schema.Padding.VALID:
        return False
    source, result, begin = conv.input(2).shape, crop.output.shape, ints(crop.input(1))
    for axis, stride in ((1, conv.options.strideH), (2, conv.options.strideW)):
        cut = (source[axis] - 1) * stride + found.weights.shape[axis] - source[axis] * stride
        if result[axis] != source[axis] * stride or cut < 0 or begin[axis] != cut // 2:
            return False
    return begin[0] == begin[3] == 0 and result[3] == conv.output.shape[3]

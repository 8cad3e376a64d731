"""STRIDED_SLICE or SLICE behind a VALID TRANSPOSE_CONV -> SAME TRANSPOSE_CONV, where SAME cuts exactly that.

TensorFlow's SAME makes in * stride pixels and cuts (in - 1) * stride + kernel - in * stride of them, the smaller half
in front. A kernel of 4 with stride 2 and padding 1, the usual up-sampling layer, is that; a kernel of 3 with stride 2,
padding 1 and output padding 1 is when it gets a row and a column of zeros.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.constants import constant_input, ints
from dlpuconv_backends.cleanup.layers import WeightedOperator, layer
from dlpuconv_backends.cleanup.uses import Uses
from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph


_MOST_ZEROS = 2  # rows and columns: more would cost more than the cut


def fold_crops(graph: Graph) -> int:
    """Rewrite in place; how many operators went."""
    uses = Uses(graph)
    gone: list[Operator] = []
    for op in graph.operators:
        before = uses.sole_producer(op.input(0)) if op.kind in ("SLICE", "STRIDED_SLICE") else None
        conv = layer(before)
        if before is None or conv is None or before.kind != "TRANSPOSE_CONV" or not _is_plain(op, before):
            continue
        zeros = [_zeros(conv, op, axis) for axis in (1, 2)]
        if None in zeros:
            continue
        conv.set_weights(np.pad(conv.weights, [(0, 0), *(z for z in zeros if z is not None), (0, 0)]))
        before.options.padding = schema.Padding.SAME
        before.inputs[0] = Tensor.constant(before.input(0).name, np.array(op.output.shape, np.int32))
        before.outputs[0] = op.output
        gone.append(op)
    graph.remove(gone)
    return len(gone)


def _is_plain(crop: Operator, conv: Operator) -> bool:
    """True for a cut of pixels alone, without strides."""
    if constant_input(crop, 1) is None or conv.options.padding != schema.Padding.VALID:
        return False
    if crop.kind == "STRIDED_SLICE" and (constant_input(crop, 3) is None or set(ints(crop.input(3))) != {1}):
        return False
    begin = ints(crop.input(1))
    return begin[0] == begin[-1] == 0 and crop.output.shape[-1] == conv.output.shape[-1]


def _zeros(conv: WeightedOperator, crop: Operator, axis: int) -> tuple[int, int] | None:
    """The fewest zeros in front of and behind the kernel with which SAME makes this cut; None where none do.

    A zero in front of the kernel moves the result by one pixel, one behind it only makes it longer.
    """
    stride = conv.op.options.strideH if axis == 1 else conv.op.options.strideW
    kernel, size = conv.weights.shape[axis], conv.op.input(2).shape[axis]
    if crop.output.shape[axis] != size * stride:
        return None
    begin = ints(crop.input(1))[axis]
    for total in range(_MOST_ZEROS + 1):
        for front in range(total + 1):
            cut = kernel + total - stride
            if cut >= 0 and cut // 2 == begin + front:
                return front, total - front
    return None

"""Layers as matrix products: what each output position reads, and weights as rows.

A layer's output channels fall into G groups of O rows; the rows of a group read the same K values: all of the input
for CONV_2D, FULLY_CONNECTED and TRANSPOSE_CONV, its own channel for each group of DEPTHWISE_CONV_2D.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv_backends.tflite.operators import SPECS

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer import Operator

    type Array = npt.NDArray[Any]

_SAME = 0
_OUTSIDE = -1


def rows_of(op: Operator, weights: Array) -> Array:
    """[G, O, K] of a layer's weights."""
    if op.kind == "DEPTHWISE_CONV_2D":
        return np.moveaxis(weights.reshape(-1, _groups(op), weights.shape[-1] // _groups(op)), 0, 2)
    return weights.reshape(_groups(op), weights.shape[0] // _groups(op), -1)


def from_rows(op: Operator, rows: Array) -> Array:
    """The inverse of `rows_of`, in the weights' shape."""
    shape = _weights_shape(op)
    return (np.moveaxis(rows, 2, 0) if op.kind == "DEPTHWISE_CONV_2D" else rows).reshape(shape)


def row_length(op: Operator) -> int:
    """K."""
    shape = _weights_shape(op)
    return int(np.prod(shape[1:-1] if op.kind == "DEPTHWISE_CONV_2D" else shape[1:]))


def positions_of(op: Operator) -> int:
    """In one sample: how often the weights are applied."""
    if op.kind == "FULLY_CONNECTED":
        return int(np.prod(_data_shape(op))) // row_length(op)
    return int(np.prod(op.output.shape[:3]))


def columns_of(op: Operator, data: Array, picked: npt.NDArray[np.intp]) -> Array:
    """[G, P, K] what the rows of each group read at some positions; zeros outside the input.

    Args:
        op: a layer.
        data: the activation that it reads, in its shape.
        picked: [P] positions in 0 .. positions_of(op) - 1.
    """
    if op.kind == "FULLY_CONNECTED":
        return data.reshape(1, -1, row_length(op))[:, picked]
    kernel, extent, out = _weights_shape(op)[1:3], _data_shape(op)[1:3], op.output.shape[1:3]
    sample, place = np.divmod(picked, out[0] * out[1])
    down, across = np.divmod(place, out[1])
    rows = _taps(op, 0, (kernel[0], extent[0], out[0]))[down]
    columns = _taps(op, 1, (kernel[1], extent[1], out[1]))[across]
    padded = np.pad(data, ((0, 0), (0, 1), (0, 1), (0, 0)))  # _OUTSIDE, as the last index, finds the zeros
    read = padded[sample[:, None, None], rows[:, :, None], columns[:, None, :]]
    groups = _groups(op)
    read = read.reshape(picked.size, kernel[0] * kernel[1], groups, -1)
    return np.moveaxis(read, 2, 0).reshape(groups, picked.size, -1)


def _taps(op: Operator, axis: int, extents: tuple[int, int, int]) -> npt.NDArray[np.intp]:
    """[positions, taps] which input position each tap reads along one axis.

    Kernels conv.cc and transpose_conv.cc; padding.h: SAME pads half of what is missing in front.
    """
    kernel, extent, out = extents
    stride = (op.options.strideH, op.options.strideW)[axis]
    tap, position = np.arange(kernel), np.arange(out)[:, None]
    same = op.options.padding == _SAME
    if op.kind == "TRANSPOSE_CONV":
        before = max((extent - 1) * stride + kernel - out, 0) // 2 if same else 0
        reached, remainder = np.divmod(position + before - tap, stride)
        found = np.where(remainder == 0, reached, _OUTSIDE)
    else:
        dilation = (op.options.dilationHFactor, op.options.dilationWFactor)[axis]
        before = max((out - 1) * stride + (kernel - 1) * dilation + 1 - extent, 0) // 2 if same else 0
        found = position * stride + tap * dilation - before
    return np.where((found >= 0) & (found < extent), found, _OUTSIDE)


def _groups(op: Operator) -> int:
    if op.kind == "FULLY_CONNECTED":
        return 1
    channels = _data_shape(op)[-1]
    return channels if op.kind == "DEPTHWISE_CONV_2D" else channels // _weights_shape(op)[-1]


def _weights_shape(op: Operator) -> tuple[int, ...]:
    at = SPECS[op.kind].weights
    assert at is not None
    return op.input(at.weights).shape


def _data_shape(op: Operator) -> tuple[int, ...]:
    at = SPECS[op.kind].weights
    assert at is not None
    return op.input(at.data).shape

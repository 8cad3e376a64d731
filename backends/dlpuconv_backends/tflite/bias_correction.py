"""The mean error of a layer's quantized weights, from the mean of what the layer reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization.bias import covered_share, expected_shift
from dlpuconv_backends.tflite.operators import SPECS

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer import Operator

_SAME = 0


def mean_shift(op: Operator, error: npt.NDArray[np.float64], mean: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """[O] by how much the layer's output moves on average, in real units.

    Args:
        op: CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED or TRANSPOSE_CONV.
        error: quantized minus float weights, in the weights' shape.
        mean: [C] of the layer's input, by channel.
    """
    if op.kind == "FULLY_CONNECTED":
        return expected_shift(error[:, None, :], mean[np.arange(error.shape[1]) % mean.size][None])
    taps = _taps(op)
    if op.kind == "DEPTHWISE_CONV_2D":
        channels = error.shape[-1]
        read = mean[np.arange(channels) // (channels // mean.size)]
        return np.asarray((error[0] * taps[:, :, None]).sum(axis=(0, 1)) * read)
    rows, reads = error.shape[0], error.shape[-1]
    flat = (error * taps[None, :, :, None]).reshape(rows, -1, reads)
    groups = mean.size // reads
    each = rows // groups
    parts = []
    for group in range(groups):
        read = mean[group * reads : (group + 1) * reads]
        parts.append(expected_shift(flat[group * each : (group + 1) * each], np.tile(read, (flat.shape[1], 1))))
    return np.concatenate(parts)


def _taps(op: Operator) -> npt.NDArray[np.float64]:
    """[KH, KW] the share of output positions at which each tap reads the input, not padding."""
    at = SPECS[op.kind].weights
    assert at is not None
    kernel = op.input(at.weights).shape[1:3]
    if op.kind == "TRANSPOSE_CONV":  # each output position is met by one tap in stride: borders are left out
        stride = op.options.strideH * op.options.strideW
        return np.full(kernel, 1.0 / stride)
    source, out = op.input(at.data).shape, op.output.shape
    shares = []
    settings = ((op.options.strideH, op.options.dilationHFactor), (op.options.strideW, op.options.dilationWFactor))
    for axis, (stride, dilation) in enumerate(settings, start=1):
        taps, extent, count = kernel[axis - 1], source[axis], out[axis]
        reach = (taps - 1) * dilation + 1
        before = max((count - 1) * stride + reach - extent, 0) // 2 if op.options.padding == _SAME else 0
        shares.append(covered_share(extent, count, taps, stride, dilation, before))
    return np.asarray(np.outer(shares[0], shares[1]), np.float64)

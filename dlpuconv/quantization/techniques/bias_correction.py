"""The mean error of a layer's quantized weights, from the mean of what the layer reads."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization.techniques.receptive import rows_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.network import Geometry, Layer

    type Reals = npt.NDArray[np.float64]


def mean_shift(layer: Layer, error: Reals, mean: Reals) -> Reals:
    """What a layer's output moves by on average when its weights move by `error`.

    Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", equation 17:
    E[y~] - E[y] = e E[x]; subtract it from the bias. E[x] is measured, as in the paper's section 4.2.2 (supplement D).

    Args:
        layer: with constant weights.
        error: quantized minus float weights, in the weights' shape.
        mean: [C] of the layer's input, by channel.

    Returns:
        [O] mean shift of every output channel, in the output's real units.
    """
    if layer.geometry is None:
        return np.asarray(error @ mean[np.arange(error.shape[1]) % mean.size])
    rows = rows_of(layer, error * tap_shares(layer.geometry, error.shape[1:-1])[None, ..., None])
    read = mean.reshape(layer.groups, 1, -1)
    return np.asarray(np.einsum("goti,gi->go", rows.reshape(*rows.shape[:2], -1, read.shape[2]), read[:, 0])).reshape(
        -1
    )


def tap_shares(geometry: Geometry, taps: tuple[int, ...]) -> Reals:
    """[taps...] the share of output positions at which each tap reads the input, not padding."""
    if geometry.transposed:  # each output position is met by one tap in stride: borders are left out
        return np.full(taps, 1.0 / np.prod(geometry.stride))
    shares = [_covered(geometry, axis, kernel) for axis, kernel in enumerate(taps)]
    return reduce(np.multiply.outer, shares)


def _covered(geometry: Geometry, axis: int, kernel: int) -> Reals:
    """[taps] of one axis."""
    position = np.arange(geometry.out[axis])[:, None] * geometry.stride[axis]
    read = position + np.arange(kernel) * geometry.dilation[axis] - geometry.before[axis]
    return np.asarray(((read >= 0) & (read < geometry.extent[axis])).mean(axis=0, dtype=np.float64))

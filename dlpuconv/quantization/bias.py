"""Analytic bias correction: the mean error that quantized weights cause is taken out of the bias."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def expected_shift(error: npt.NDArray[np.float64], mean: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What a layer's output moves by on average when its weights move by `error`.

    Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", equation 17:
    E[y~] - E[y] = e E[x]; subtract it from the bias. E[x] is measured, as in the paper's section 4.2.2 (supplement D).

    Args:
        error: [O, taps, I] quantized minus float weights.
        mean: [taps, I] the mean of the input under each tap of the kernel, padding included.

    Returns:
        [O] mean shift of every output channel, in the output's real units.
    """
    return np.asarray(np.einsum("oti,ti->o", error, mean))


def covered_share(extent: int, out: int, kernel: int, stride: int, dilation: int, before: int) -> list[float]:
    """For each tap of one axis of a kernel, the share of output positions at which it reads the input, not padding.

    Args:
        extent: of the input.
        out: of the output.
        kernel: taps.
        stride: of the layer.
        dilation: of the layer.
        before: padding in front.
    """
    shares = []
    for tap in range(kernel):
        first = tap * dilation - before
        inside = sum(0 <= first + position * stride < extent for position in range(out))
        shares.append(inside / max(out, 1))
    return shares

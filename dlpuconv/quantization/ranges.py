"""Activation ranges from histograms: which values a scale should hold, and which may saturate.

A histogram has equal bins from `low` to `high`, the lowest and the highest value that were observed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_STEPS = 255
_ROUNDS = 3
_SHARES = np.concatenate([np.geomspace(2.0**-10, 0.02, 24), np.linspace(0.03, 1.0, 98)])
"""Of the observed ends: fine where one would usually clip, and far down for single outliers."""


def percentile_range(
    counts: npt.NDArray[np.float64], low: float, high: float, outside: float = 1e-4
) -> tuple[float, float]:
    """The interval that leaves at most the share `outside` of the values out at each end.

    The method of percentile calibration; Wu et al. 2020, "Integer Quantization for Deep Learning Inference",
    section 3.3 (there 99.99 %).

    Args:
        counts: [bins] how many values fell into each bin.
        low: the first bin's lower edge.
        high: the last bin's upper edge.
        outside: share of all values, at each end.
    """
    total = counts.sum()
    if total <= 0 or high <= low:
        return low, high
    edges = np.linspace(low, high, counts.size + 1)
    below = np.cumsum(counts) / total
    first = int(np.searchsorted(below, outside, side="right"))
    last = int(np.searchsorted(below, 1.0 - outside, side="left"))
    return float(edges[min(first, counts.size - 1)]), float(edges[min(last, counts.size - 1) + 1])


def mse_range(counts: npt.NDArray[np.float64], low: float, high: float) -> tuple[float, float]:
    """The interval with the least squared error of rounding to 256 codes and of saturation together.

    Banner et al. 2019, "Post-training 4-bit quantization of convolution networks for rapid-deployment", equation 5:
    E(low, high) = D^2/12 * P(inside) + sum of (x - nearest end)^2 over the values outside, D = (high - low) / 255,
    here with the measured distribution in place of a Laplace one, and the two ends searched in turn.

    Args:
        counts: [bins] how many values fell into each bin.
        low: the first bin's lower edge.
        high: the last bin's upper edge.
    """
    if counts.sum() <= 0 or high <= low:
        return low, high
    moments = _Moments(counts, low, high)
    floor, ceiling = min(low, 0.0), max(high, 0.0)  # zero always has a code
    best_low, best_high = floor, ceiling
    for _ in range(_ROUNDS):
        before = best_low, best_high
        if ceiling > 0:
            highs: npt.NDArray[np.float64] = ceiling * _SHARES
            best_high = float(highs[np.argmin(moments.error(np.full_like(highs, best_low), highs))])
        if floor < 0:
            lows: npt.NDArray[np.float64] = floor * _SHARES
            best_low = float(lows[np.argmin(moments.error(lows, np.full_like(lows, best_high)))])
        if (best_low, best_high) == before:
            break
    return max(best_low, low), min(best_high, high)


class _Moments:
    """Sums over a histogram's bins from its beginning, so that an interval's error takes two look-ups."""

    def __init__(self, counts: npt.NDArray[np.float64], low: float, high: float) -> None:
        width = (high - low) / counts.size
        centers = low + width * (np.arange(counts.size) + 0.5)
        self._low, self._width, self._bins = low, width, counts.size
        self._sums = np.zeros((3, counts.size + 1))
        for power in range(3):
            np.cumsum(counts * centers**power, out=self._sums[power, 1:])

    def error(self, lows: npt.NDArray[np.float64], highs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """[N] summed squared error of each interval; an interval holds whole bins."""
        step = (highs - lows) / _STEPS
        first = np.clip(np.rint((lows - self._low) / self._width), 0, self._bins).astype(int)
        last = np.clip(np.rint((highs - self._low) / self._width), 0, self._bins).astype(int)
        below = self._sums[:, first]
        above = self._sums[:, -1:] - self._sums[:, last]
        inside = self._sums[0, last] - self._sums[0, first]
        return np.asarray(inside * step**2 / 12 + _distance(below, lows) + _distance(above, highs))


def _distance(sums: npt.NDArray[np.float64], end: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sum of (x - end)^2 from the sums of 1, x and x^2."""
    return np.asarray(np.maximum(sums[2] - 2 * end * sums[1] + end**2 * sums[0], 0.0))

"""How an activation's values are distributed, and what an interval of them costs in 256 codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_SHARES = np.concatenate([np.geomspace(2.0**-9, 0.05, 12), np.linspace(0.06, 1.0, 95)])
"""Of the observed ends: fine where one would usually clip, and far down for single outliers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How a tensor's values are distributed, each sample weighted by its own size.

    Attributes:
        low: the first bin's lower edge; the lowest value.
        high: the last bin's upper edge; the highest value.
        weights: [bins] of the values in each equal bin. A sample's values weigh 1 / (their mean square)^2: what counts
            is the error relative to the sample's own size, and quiet samples suffer more from a coarse scale than
            loud ones from saturation.
        zeros: weight of the values that are exactly zero, which every scale holds exactly; part of `weights`.
        usual_low: mean of the samples' own lowest values.
        usual_high: mean of the samples' own highest values.
        codes: how many the values will have.
    """

    low: float
    high: float
    weights: npt.NDArray[np.float64]
    zeros: float = 0.0
    usual_low: float = 0.0
    usual_high: float = 0.0
    codes: int = 256

    @property
    def edges(self) -> npt.NDArray[np.float64]:
        """[bins + 1] of the bins."""
        return np.asarray(np.linspace(self.low, self.high, self.weights.size + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Intervals around zero, and what each costs.

    Attributes:
        lows: [L] lower ends, none above zero: zero always has a code.
        highs: [H] upper ends.
        error: [L, H] weighted squared error.
    """

    lows: npt.NDArray[np.float64]
    highs: npt.NDArray[np.float64]
    error: npt.NDArray[np.float64]


def squared_errors(spread: Spread, low: float, high: float) -> Intervals:
    """What intervals within [low, high] cost: rounding inside, saturation outside.

    E(l, h) = ((h - l) / steps)^2 / 12 * P(inside, not zero) + sum of w * (x - nearest end)^2 over what lies outside:
    Banner et al. 2019, "Post-training 4-bit quantization of convolution networks for rapid-deployment", equation 5,
    with the measured distribution in place of a Laplace one.

    Args:
        spread: as observed.
        low: values below may saturate in any case, since no reader can tell them apart.
        high: likewise.
    """
    edges = spread.edges
    values = np.clip((edges[:-1] + edges[1:]) / 2, low, high)
    lows, highs = _candidates(min(low, 0.0)), _candidates(max(high, 0.0))
    sums = np.zeros((3, values.size + 1))
    for power in range(3):
        np.cumsum(spread.weights * values**power, out=sums[power, 1:])
    first = np.searchsorted(values, lows, side="left")
    last = np.searchsorted(values, highs, side="right")
    below = _distance(sums[:, first], lows)
    above = _distance(sums[:, -1:] - sums[:, last], highs)
    inside = sums[0, last][None, :] - sums[0, first][:, None] - spread.zeros
    step = (highs[None, :] - lows[:, None]) / (spread.codes - 1)
    error = below[:, None] + above[None, :] + np.maximum(inside, 0.0) * step**2 / 12
    return Intervals(lows=lows, highs=highs, error=np.asarray(error))


def _candidates(end: float) -> npt.NDArray[np.float64]:
    return np.asarray(end * _SHARES) if end else np.zeros(1)


def _distance(sums: npt.NDArray[np.float64], end: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sum of w * (x - end)^2 from the sums of w, w * x and w * x^2."""
    return np.asarray(np.maximum(sums[2] - 2 * end * sums[1] + end**2 * sums[0], 0.0))

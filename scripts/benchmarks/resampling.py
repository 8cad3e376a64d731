"""What of a difference is luck: calibration draws, and the paired bootstrap over evaluation samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripts.benchmarks.metrics import Measure
    from scripts.benchmarks.shared import Array

RESAMPLES = 500
_LEFT_OUT = 5
"""Where draws must overlap, each leaves out another fifth of what there is, or less for more draws than five."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A difference of metrics with its 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def holds_zero(self) -> bool:
        """Whether it may be luck."""
        return self.low <= 0 <= self.high


def calibration_draws(available: int, samples: int, draws: int) -> list[Array]:
    """Which samples each draw calibrates with, evenly spread over all there are.

    They are disjoint where there are enough. Where there are not, they overlap: each leaves out a part of its own.

    Args:
        available: how many samples there are.
        samples: how many a draw wants.
        draws: how many draws.
    """
    everything = np.arange(available)
    if draws == 1:
        return [_spread(everything, samples)]
    if available >= draws * samples:
        return [_spread(everything[draw::draws], samples) for draw in range(draws)]
    folds = max(draws, _LEFT_OUT)
    return [_spread(everything[everything % folds != draw], samples) for draw in range(draws)]


def are_disjoint(draws: Sequence[Array]) -> bool:
    """Whether no sample is in two of them."""
    return len(np.unique(np.concatenate(draws))) == sum(map(len, draws))


def paired_bootstrap(ours: Sequence[Measure], theirs: Measure, samples: int, resamples: int = RESAMPLES) -> Interval:
    """The mean of several measures less another one, all of the same samples.

    Args:
        ours: one a calibration draw.
        theirs: what they are compared with.
        samples: how many all of them were taken on.
        resamples: how often as many samples are drawn again, with replacement; the same for all measures each time.
    """

    def difference(weights: Array) -> float:
        return float(np.mean([measure(weights) for measure in ours]) - theirs(weights))

    generator = np.random.default_rng(0)
    drawn = (generator.integers(0, samples, samples) for _ in range(resamples))
    found = [difference(np.bincount(chosen, minlength=samples).astype(np.float64)) for chosen in drawn]
    low, high = np.percentile(found, (2.5, 97.5))
    return Interval(difference(np.ones(samples)), float(low), float(high))


def _spread(indices: Array, most: int) -> Array:
    evenly: Array = np.linspace(0, len(indices) - 1, min(most, len(indices))).astype(int)
    return np.take(indices, evenly)

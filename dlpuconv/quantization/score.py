"""How close an artifact comes to its float source, and whether two artifacts can be told apart by it.

Recipes are judged on some twenty samples. What would come out on twenty others is known from these: they are drawn
again and again with replacement, the same for both recipes, since a sample that is hard for one is hard for the other.
Where the interval of the differences holds zero, nothing says which recipe is better.
Source: the paired bootstrap; Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.

Decibels rank what the verdict lets pass, classes too. Which of two files of one network gives the float source's
classes more often on all evaluation samples, 20 of them tell in dB in 76 of 100 cases (123 pairs, five networks); by
the noise of the margin between the two likeliest classes in 70, by the divergence of the probabilities in 72, by the
classes kept in 63. Which is better by labels no measure tells much better than chance: in 56 to 59 of 100 (81 pairs).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dlpuconv.decibel import SampleRatios

    type Reals = npt.NDArray[np.float64]

_WORTH_DB = 0.1
"""A recipe that replaces another must be this much better."""
_SAME_METRIC = 1e-3
"""Scores that differ by less than this part of themselves are the same: the metric's unit is the user's."""
_DRAWS = 1000
_ENDS = 0.025, 0.975
"""The quantiles that bound the interval: 95 % of all draws are inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How close an artifact comes to its float source on the judging samples.

    Attributes:
        typical_db: of the output that comes off worst: 30 dB won on boxes do not make up for scores that are lost.
            Each output's is the mean of its samples (`OutputParity.typical_db`).
        sqnr_db: what the verdict is about: the lowest SQNR of an output over all judging samples together.
        cosine: the lowest of an output.
        passes: whether verification would let this pass on the judging samples.
        metric: what the user's own metric says; None where there is none. Then it decides, and `typical_db` only
            between scores that are the same.
        outputs: each one's ratios by sample; empty where they are no longer known.
    """

    typical_db: float
    sqnr_db: float
    cosine: float
    passes: bool = True
    metric: float | None = None
    outputs: tuple[SampleRatios, ...] = ()

    @property
    def rank(self) -> tuple[float, float]:
        """Higher is better: by the user's metric where there is one, then by dB."""
        return (0.0 if self.metric is None else self.metric, self.typical_db)

    def beats(self, other: Score) -> bool:
        """Whether this is enough better than what it would replace: what fails never replaces what passes."""
        return self._better_by(other) > _WORTH_DB

    def is_like(self, other: Score) -> bool:
        """Whether the samples cannot tell which of the two is better."""
        return self._better_by(other) == 0.0

    def _better_by(self, other: Score) -> float:
        """In dB; infinite where decibels do not count, and 0 where the samples cannot tell."""
        if self.passes is not other.passes:
            return float("inf") if self.passes else -float("inf")
        if self.metric is not None and other.metric is not None:
            difference = self.metric - other.metric
            if abs(difference) > _SAME_METRIC * max(abs(self.metric), abs(other.metric)):
                return float("inf") if difference > 0 else -float("inf")
        if not self.outputs or [len(o.weights) for o in self.outputs] != [len(o.weights) for o in other.outputs]:
            return self.typical_db - other.typical_db
        return _told_apart(self.outputs, other.outputs)


def _told_apart(ours: tuple[SampleRatios, ...], theirs: tuple[SampleRatios, ...]) -> float:
    """By how many dB the one is better: its worst output, or else all together; 0 where no interval excludes zero."""
    import numpy as np

    counts = _draws(len(ours[0].weights))
    one, other = (np.array([output.means(counts) for output in outputs]) for outputs in (ours, theirs))
    for measure in (_worst, _together):
        found = measure(one) - measure(other)
        low, high = np.nanquantile(found[1:], _ENDS)
        if low > 0 or high < 0:
            return float(found[0])
    return 0.0


def _worst(decibels: Reals) -> Reals:
    import numpy as np

    return np.asarray(decibels.min(axis=0))


def _together(decibels: Reals) -> Reals:
    """The ratio of the outputs' mean noise."""
    import numpy as np

    return np.asarray(-10 * np.log10((10 ** (-decibels / 10)).mean(axis=0)))


@lru_cache
def _draws(samples: int) -> Reals:
    """[1 + draws, samples] how often each sample is in a draw; the first is the samples as they are."""
    import numpy as np

    drawn = np.random.default_rng(0).multinomial(samples, [1 / samples] * samples, _DRAWS)
    return np.vstack([np.ones(samples), drawn])

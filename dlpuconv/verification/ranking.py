"""What a ranking loses where scores are rounded: pairs that are swapped or tied, and average precision.

A ranking is what a detector's scores are for: a threshold takes the first of it, and non-maximum suppression keeps the
higher of two. Only its head counts, the highest scores of all samples together, since a threshold is one for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    type Floats = npt.NDArray[np.float64]

MOST: Final = 1000
"""Scores that are ranked."""
_LIKELY: Final = 0.5
"""A score beyond stands for what the network finds; a class that mostly is there is a background."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingLoss:
    """What is lost against the order of exact scores.

    Attributes:
        pairs: share that is swapped or tied, of all pairs among the highest `MOST` scores; only those beyond 0.5 are
            taken, where there are two or more.
        precision: average precision that is lost, where what the exact scores find is right.
    """

    pairs: float
    precision: float

    @classmethod
    def of(cls, exact: Floats, rounded: Floats) -> RankingLoss:
        """Of scores that are known twice.

        Args:
            exact: [N].
            rounded: [N].
        """
        found = np.count_nonzero(exact > _LIKELY)
        first = _highest(exact, min(found, MOST) if found > 1 else MOST)
        above = exact[first, None] > exact[first]
        lost = above & (rounded[first, None] <= rounded[first])
        pairs = float(lost.sum() / max(above.sum(), 1))
        return cls(pairs=pairs, precision=1.0 - _average_precision(exact > _LIKELY, rounded))


def competing(scores: Floats, classes: int | None) -> npt.NDArray[np.bool_]:
    """Which scores stand for something to find.

    Args:
        scores: of all samples, whatever their shape.
        classes: axis along which they compete; None where each stands for itself.

    Returns:
        The same shape: False for those of a background, which is likely throughout.
    """
    if classes is None:
        return np.ones(scores.shape, bool)
    others = tuple(axis for axis in range(scores.ndim) if axis != classes)
    return np.broadcast_to(scores.mean(axis=others, keepdims=True) <= _LIKELY, scores.shape)


def _highest(scores: Floats, count: int) -> npt.NDArray[np.intp]:
    """Where the highest are, the first of equal ones first; only what comes close is sorted: there may be millions."""
    if count >= len(scores):
        return np.argsort(-scores, kind="stable")
    (close,) = np.nonzero(scores >= np.partition(scores, -count)[-count])
    return close[np.argsort(-scores[close], kind="stable")][:count]


def _average_precision(right: npt.NDArray[np.bool_], scores: Floats) -> float:
    """The average precision of a ranking, with ties counted together; 1 if nothing is right."""
    if not right.any():
        return 1.0
    counts = scores >= scores[right].min()  # what ranks below all that is right lowers no precision
    right, scores = right[counts], scores[counts]
    values, places = np.unique(-scores, return_inverse=True)
    count = np.bincount(places, minlength=len(values))
    found = np.bincount(places, weights=right, minlength=len(values))
    precision = np.cumsum(found) / np.cumsum(count)
    return float((found * precision).sum() / found.sum())

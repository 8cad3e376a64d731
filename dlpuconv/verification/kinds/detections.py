"""Detections: rows in an order of their own, as NonMaxSuppression and TopK leave them. Which are found again?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.verification.kinds.boxes import PASSING, corners_of, has_corners, overlap

if TYPE_CHECKING:
    import numpy.typing as npt

    type Floats = npt.NDArray[np.float64]

_SAME_PLACE = 0.5
_MOST = 1000
_NEARLY = 0.05
"""Below the threshold: a detection that just misses it is found all the same."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was detected in one sample.

    Attributes:
        boxes: [N, 4].
        scores: [N].
        labels: [N].
    """

    boxes: Floats
    scores: Floats
    labels: Floats

    def above(self, threshold: float) -> Found:
        """Detections above the threshold, at most the best thousand, because every pair is compared."""
        best = np.argsort(-self.scores, kind="stable")[:_MOST]
        kept = best[self.scores[best] >= threshold]
        return Found(self.boxes[kept], self.scores[kept], self.labels[kept])


class Detections:
    """Sums over the samples: the share of the detections, by their scores, that the other side has as well.

    The same is what has the same label, and a box that overlaps by one half; the highest score chooses first.
    """

    def __init__(self) -> None:
        self._corners: bool | None = None
        self._all = self._common = 0.0

    def add(self, expected: Found, got: Found) -> None:
        """One sample."""
        if self._corners is None and len(expected.boxes):
            self._corners = has_corners(expected.boxes)
        for found, other in ((expected, got), (got, expected)):
            passing, there = found.above(PASSING), other.above(PASSING - _NEARLY)
            self._all += float(passing.scores.sum())
            self._common += float(passing.scores[self._matched(passing, there)].sum())

    def result(self) -> float | None:
        """The share; None where nothing was detected."""
        return self._common / self._all if self._all > 0 else None

    def _matched(self, found: Found, there: Found) -> list[int]:
        """Which of the detections are there."""
        matched, free = [], np.ones(len(there.scores), bool)
        boxes, others = (b if self._corners else corners_of(b) for b in (found.boxes, there.boxes))
        for at in np.argsort(-found.scores, kind="stable").tolist():
            same = free & (there.labels == found.labels[at])
            same &= overlap(np.broadcast_to(boxes[at], others.shape), others) >= _SAME_PLACE
            if same.any():
                matched.append(at)
                free[int(np.argmax(np.where(same, there.scores, -np.inf)))] = False
        return matched

"""Boxes: how far do they overlap with those of the source?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    type Floats = npt.NDArray[np.float64]

PASSING = 0.25
"""The lowest score that counts: applications ignore boxes below it."""
_MOSTLY = 0.99


class Boxes:
    """Sums over the samples: mean intersection over union of the boxes at the same place.

    Corners or a centre and an extent: the first sample tells, whose corners are in order throughout or are none.
    """

    def __init__(self) -> None:
        self._corners: bool | None = None
        self._weight = self._overlap = 0.0

    def add(self, expected: Floats, value: Floats, weights: Floats | None = None) -> None:
        """One sample.

        Args:
            expected: [N, 4].
            value: [N, 4].
            weights: [N], the scores of the boxes: those that pass count, by their scores; None where all count alike.
        """
        if self._corners is None:
            self._corners = has_corners(expected)
        if not self._corners:
            expected, value = corners_of(expected), corners_of(value)
        counted = np.ones(len(expected)) if weights is None else np.where(weights >= PASSING, weights, 0.0)
        self._weight += float(counted.sum())
        self._overlap += float((counted * overlap(expected, value)).sum())

    def result(self) -> float | None:
        """The mean; None where no box counts."""
        return self._overlap / self._weight if self._weight > 0 else None


def has_corners(boxes: Floats) -> bool:
    """Whether boxes [N, 4] are two corners each: the second is never in front of the first."""
    return bool(((boxes[:, 2] >= boxes[:, 0]) & (boxes[:, 3] >= boxes[:, 1])).mean() >= _MOSTLY) if len(boxes) else True


def corners_of(boxes: Floats) -> Floats:
    """Two corners [N, 4] of centre and extent."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def overlap(a: Floats, b: Floats) -> Floats:
    """Intersection over union [N] of boxes at the same place, given by corners [N, 4]; 1 where both are empty."""
    extent = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    both = np.maximum(extent, 0.0).prod(axis=1)
    union = _area(a) + _area(b) - both
    return np.where(union > 0, both / np.where(union > 0, union, 1.0), 1.0)


def _area(boxes: Floats) -> Floats:
    return np.asarray(np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0).prod(axis=1))

"""Scores: does the same pass a threshold, and is the same ranked first?

The source's probabilities say how often each of its answers is right. What a decision is worth by them is known without
any label: the expected F1 of what passes a threshold, and the expected average precision of a ranking. A file keeps the
share of that which its own decisions are worth. Answers that the source itself is in doubt of cost little when they
change, as they cost a metric little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    type Floats = npt.NDArray[np.float64]

THRESHOLDS = (0.1, 0.25, 0.5)
_BINS = 1024
_SLACK = 20
"""Bins, of 0.02: nobody knows a threshold better, and what lies on it may fall to either side."""
_MOST_COLUMNS = 256
"""Columns beyond that share their sums: the memory of them is bounded."""


class Scores:
    """Sums over the samples, as histograms.

    Args:
        classes: axis along which probabilities compete; None where each stands for itself. Each class is judged for
            itself then, by the events that are rarer: a background that is everywhere tells nothing.
    """

    def __init__(self, classes: int | None = None) -> None:
        self._classes = classes
        self._sums: Floats | None = None

    def add(self, expected: Floats, value: Floats) -> None:
        """One sample of probabilities, of any shape."""
        if self._classes is None or expected.shape[self._classes] > _MOST_COLUMNS:
            sums = _sums_of_one_column(expected.ravel(), value.ravel())
        else:
            columns = expected.shape[self._classes]
            p, q = (np.moveaxis(array, self._classes, 0).reshape(columns, -1) for array in (expected, value))
            sums = np.stack([*_histogram(p, p), *_histogram(q, p)])
        self._sums = sums if self._sums is None else self._sums + sums

    def result(self) -> float | None:
        """The lowest share that is kept, of any threshold and of the ranking; None where no score ever passes one."""
        if self._sums is None:
            return None
        own_count, own_mass, count, mass = _rare_events(self._sums)
        shares = [
            max(_f1(count, mass, near) for near in range(at - _SLACK, at + _SLACK + 1)) / _f1(own_count, own_mass, at)
            for at in (round(threshold * _BINS) for threshold in THRESHOLDS)
            if own_count[:, at:].sum() > 0
        ]
        if not shares:
            return None
        ranked, own_ranked = _average_precision(count, mass), _average_precision(own_count, own_mass)
        return min(1.0, *shares, ranked / own_ranked)


def _sums_of_one_column(p: Floats, q: Floats) -> Floats:
    """Most of a detector's millions of scores are in the lowest bin: they are counted without looking at each."""
    low = (p < 1 / _BINS) & (q < 1 / _BINS)
    sums = np.stack([*_histogram(p[None, ~low], p[None, ~low]), *_histogram(q[None, ~low], p[None, ~low])])
    sums[:, 0, 0] += np.tile([np.count_nonzero(low), np.clip(p[low], 0.0, None).sum()], 2)
    return sums


def _histogram(scores: Floats, truth: Floats) -> tuple[Floats, Floats]:
    """For each column, the number of scores in each bin, and the sum of the probabilities that they are right."""
    columns = len(scores)
    bins = np.clip((scores * _BINS).astype(np.int64), 0, _BINS - 1) + np.arange(columns)[:, None] * _BINS
    size = columns * _BINS
    count = np.bincount(bins.ravel(), minlength=size).astype(np.float64)
    mass = np.bincount(bins.ravel(), weights=truth.ravel(), minlength=size).astype(np.float64)
    return count.reshape(columns, _BINS), mass.reshape(columns, _BINS)


def _rare_events(sums: Floats) -> Floats:
    """Columns that mostly hold are turned round: their events are that they do not."""
    own_count, own_mass, count, mass = sums
    common = own_mass.sum(axis=1) > own_count.sum(axis=1) / 2
    turned = np.stack([own_count, own_count - own_mass, count, count - mass])[..., ::-1]
    return np.where(common[None, :, None], turned, sums)


def _f1(count: Floats, mass: Floats, at: int) -> float:
    """Expected F1 of what passes a threshold."""
    return float(2 * mass[:, at:].sum() / (count[:, at:].sum() + mass.sum()))


def _average_precision(count: Floats, mass: Floats) -> float:
    """Expected average precision of a ranking, ties together."""
    right = mass.sum(axis=0)[::-1]
    precision = np.cumsum(right) / np.maximum(np.cumsum(count.sum(axis=0)[::-1]), 1)
    return float((right * precision).sum() / right.sum())

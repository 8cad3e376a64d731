"""Masks: how far do the areas overlap?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    type Floats = npt.NDArray[np.float64]

_HALF = 0.5


class Masks:
    """Sums over the samples of areas: mean intersection over union of the classes that the source sees anywhere.

    Args:
        axis: along which classes compete; None where every channel is a mask of its own, above one half.
        labels: the numbers are labels already.
    """

    def __init__(self, axis: int | None = None, *, labels: bool = False) -> None:
        self._axis, self._labels = axis, labels
        self._seen: Counter[int] = Counter()
        self._made: Counter[int] = Counter()
        self._both: Counter[int] = Counter()

    def add(self, expected: Floats, value: Floats) -> None:
        """One sample."""
        seen, made = self.areas(expected), self.areas(value)
        for counter, areas in ((self._seen, seen), (self._made, made), (self._both, seen[seen == made])):
            counter.update(dict(zip(*(found.tolist() for found in np.unique(areas, return_counts=True)), strict=True)))

    def result(self) -> float | None:
        """The mean; None where the source sees nothing but background."""
        classes = [label for label in self._seen if label or self._axis is not None or self._labels]
        if not classes:
            return None
        shares = [self._both[at] / (self._seen[at] + self._made[at] - self._both[at]) for at in classes]
        return float(np.mean(shares))

    def areas(self, array: Floats) -> npt.NDArray[np.int64]:
        """The label of every place; 0 for none of the masks."""
        if self._labels:
            return array.astype(np.int64)
        if self._axis is None:
            return (array > _HALF).astype(np.int64)
        return np.asarray(array.argmax(axis=self._axis), np.int64)

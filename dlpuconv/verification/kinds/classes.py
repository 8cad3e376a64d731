"""Classes: is the highest the same?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    type Floats = npt.NDArray[np.float64]


class Classes:
    """Sums over the samples of probabilities of classes.

    The share of the accuracy that the source itself expects of its answers, by its own probabilities, which the file's
    answers keep: where two classes are as likely, either will do. Of classes that tie in the file, each counts alike.

    Args:
        axis: along which the classes are.
    """

    def __init__(self, axis: int) -> None:
        self._axis = axis
        self._best = self._kept = 0.0

    def add(self, expected: Floats, value: Floats) -> None:
        """One sample."""
        first = value == value.max(axis=self._axis, keepdims=True)
        self._best += float(expected.max(axis=self._axis).sum())
        self._kept += float(((expected * first).sum(axis=self._axis) / first.sum(axis=self._axis)).sum())

    def result(self) -> float | None:
        """The share; None where there is nothing to expect."""
        return self._kept / self._best if self._best > 0 else None


class Labels:
    """The share of labels that are the same."""

    def __init__(self) -> None:
        self._all = self._same = 0

    def add(self, expected: Floats, value: Floats) -> None:
        """One sample."""
        self._all += expected.size
        self._same += int(np.count_nonzero(expected == value))

    def result(self) -> float | None:
        """The share; None where there are no labels."""
        return self._same / self._all if self._all else None

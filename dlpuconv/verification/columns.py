"""Finds the parts of an output that its one scale starves: scores of 0 to 1 beside boxes in pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_MOST_COLUMNS = 4096
_GAP = 32.0  # times wider: classes that no sample shows lie closer to one another than boxes and scores do
_FEWEST_STEPS = 8.0


class Columns:
    """What the source's values span, for every index along every axis of one output, over all samples.

    A column is all that shares an index along one axis: of [1, 84, 8400], there are 84 along axis 1.
    """

    def __init__(self) -> None:
        self._spans: dict[int, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]] = {}

    def add(self, values: npt.NDArray[np.float64]) -> None:
        """One sample, in the source model's layout."""
        for axis in range(1, values.ndim if values.size else 0):
            if not 1 < values.shape[axis] <= _MOST_COLUMNS:
                continue
            others = tuple(a for a in range(values.ndim) if a != axis)
            low, high = values.min(axis=others), values.max(axis=others)
            if axis in self._spans:
                before = self._spans[axis]
                low, high = np.minimum(low, before[0]), np.maximum(high, before[1])
            self._spans[axis] = low, high

    def starved(self, step: float) -> str:
        """What no scale for all can express, in one clause; empty where there is no such thing.

        Args:
            step: the output's scale, in real units.
        """
        for axis, (low, high) in self._spans.items():
            widths = np.sort((high - low)[high > low])
            if len(widths) < 2:
                continue
            at = int(np.argmax(widths[1:] / widths[:-1]))
            narrow, wide = float(widths[at]), float(widths[at + 1])
            if wide / narrow >= _GAP and narrow < _FEWEST_STEPS * step:
                return (
                    f"{at + 1} of {len(low)} slices along axis {axis} span {narrow:.3g} at most, {narrow / step:.2g}"
                    f" steps of the scale, since others span {wide:.3g} and more"
                )
        return ""

"""The lowest and highest values of an output over the samples, without what a single sample decides."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_SHARE = 0.1
"""Of the samples, and at least two: one plate or picture may well lie far outside all that calibration saw."""


class Extremes:
    """Remembers each sample's own lowest and highest value."""

    def __init__(self) -> None:
        self._lows: list[float] = []
        self._highs: list[float] = []

    def add(self, values: npt.NDArray[np.float64]) -> None:
        """One sample, of any shape."""
        if values.size:
            self._lows.append(float(values.min()))
            self._highs.append(float(values.max()))

    def span(self) -> tuple[float, float] | None:
        """What a tenth of the samples, and at least two where there are two, reach at either end; None without any."""
        count = len(self._highs)
        if not count:
            return None
        rank = min(max(math.ceil(_SHARE * count), 2), count) - 1
        return sorted(self._lows)[rank], sorted(self._highs, reverse=True)[rank]

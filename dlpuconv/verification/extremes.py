"""The lowest and highest values of an output over the samples, without what a single sample decides."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_SHARE = 0.1
_FEWEST = 2
"""So many samples, and such a share of all: one plate or picture may well lie far outside all that calibration saw."""


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
        """What two samples, and a tenth of them, reach at either end; None where there are fewer than two."""
        count = len(self._highs)
        if count < _FEWEST:
            return None
        rank = max(math.ceil(_SHARE * count), _FEWEST) - 1
        return sorted(self._lows)[rank], sorted(self._highs, reverse=True)[rank]

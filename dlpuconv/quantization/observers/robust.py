"""Ranges without outliers: the widest interval that costs next to nothing against the best one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization.observers.spread import squared_errors

if TYPE_CHECKING:
    from dlpuconv.quantization.observers.spread import Spread

_NEXT_TO_NOTHING = 1.02
"""Of the least error. Rare large values are worth more to a network than their share of the squared error."""


def without_outliers(spread: Spread, low: float, high: float) -> tuple[float, float]:
    """The widest interval within 2 % of the least squared error; see `squared_errors`.

    Args:
        spread: as observed.
        low: the lowest value that a reader can tell apart from those below.
        high: likewise.
    """
    found = squared_errors(spread, low, high)
    good = found.error <= _NEXT_TO_NOTHING * found.error.min()
    widths = np.where(good, found.highs[None, :] - found.lows[:, None], -1.0)
    i, j = np.unravel_index(int(widths.argmax()), widths.shape)
    return float(found.lows[i]), float(found.highs[j])

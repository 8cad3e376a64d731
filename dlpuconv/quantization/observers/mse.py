"""The range with the least squared error of rounding and saturation together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization.observers.spread import squared_errors

if TYPE_CHECKING:
    from dlpuconv.quantization.observers.spread import Spread


def least_squares(spread: Spread, low: float, high: float) -> tuple[float, float]:
    """Choukroun et al. 2019, "Low-bit Quantization of Neural Networks for Efficient Inference", section 3.

    Args:
        spread: as observed.
        low: the lowest value that a reader can tell apart from those below.
        high: likewise.
    """
    found = squared_errors(spread, low, high)
    i, j = np.unravel_index(int(found.error.argmin()), found.error.shape)
    return float(found.lows[i]), float(found.highs[j])

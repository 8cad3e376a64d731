"""The range that leaves out a fixed share of the values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dlpuconv.quantization.observers.spread import Spread

_OUTSIDE = 1e-4


def percentile(spread: Spread, low: float, high: float) -> tuple[float, float]:
    """All but one in ten thousand values at each end.

    Wu et al. 2020, "Integer Quantization for Deep Learning Inference", section 3.3 (there 99.99 %).

    Args:
        spread: as observed.
        low: the lowest value that a reader can tell apart from those below.
        high: likewise.
    """
    edges = spread.edges
    below = np.cumsum(spread.weights) / spread.weights.sum()
    last_bin = below.size - 1
    first = int(np.searchsorted(below, _OUTSIDE, side="right"))
    last = int(np.searchsorted(below, 1.0 - _OUTSIDE, side="left"))
    return max(float(edges[min(first, last_bin)]), low), min(float(edges[min(last, last_bin) + 1]), high)

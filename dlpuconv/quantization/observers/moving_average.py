"""The range that samples usually have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.quantization.observers.spread import Spread


def moving_average(spread: Spread, low: float, high: float) -> tuple[float, float]:
    """Mean of the samples' own lowest and highest values.

    Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
    section 3.1, averages exponentially, so that its result depends on the order of the samples; the plain mean is what
    that comes to over all orders.

    Args:
        spread: as observed.
        low: the lowest value that a reader can tell apart from those below.
        high: likewise.
    """
    return max(spread.usual_low, low), min(spread.usual_high, high)

"""Activation ranges from observed distributions: which values a scale should hold, and which may saturate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.quantization.observers.entropy import entropy
from dlpuconv.quantization.observers.moving_average import moving_average
from dlpuconv.quantization.observers.mse import least_squares
from dlpuconv.quantization.observers.percentile import percentile
from dlpuconv.quantization.observers.robust import without_outliers
from dlpuconv.quantization.observers.spread import Spread
from dlpuconv.quantization.recipe import Observer

if TYPE_CHECKING:
    from collections.abc import Callable

_SOLVERS: dict[Observer, Callable[[Spread, float, float], tuple[float, float]]] = {
    Observer.MINMAX: lambda _, low, high: (low, high),
    Observer.MOVING_AVERAGE: moving_average,
    Observer.PERCENTILE: percentile,
    Observer.MSE: least_squares,
    Observer.ENTROPY: entropy,
    Observer.ROBUST: without_outliers,
}


def solve(observer: Observer, spread: Spread, low: float, high: float) -> tuple[float, float]:
    """The interval that a scale should hold.

    Args:
        observer: the method.
        spread: how the values are distributed.
        low: the lowest value that a reader can tell apart from those below; they saturate in any case.
        high: likewise.

    Returns:
        Within [low, high], but for zero, which always has a code.
    """
    if spread.weights.sum() <= 0 or high <= low:
        return low, high
    chosen_low, chosen_high = _SOLVERS[observer](spread, low, high)
    return max(chosen_low, low), min(chosen_high, high)


__all__ = ["Spread", "solve"]

"""Scales of weights: what their values ask for, and no finer than accumulators allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.ir.affine import Affine
from dlpuconv.quantization.recipe import WeightScale
from dlpuconv.quantization.scales.choice import next_powers_of_two
from dlpuconv.quantization.weights.least_squares import mse_scales
from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from dlpuconv.scheme import Coding

    type Reals = npt.NDArray[np.float64]

_BLOCK = 1 << 20  # elements that are widened to float64 at a time
SMALLEST_SCALE = 1e-20
"""Far below any trained weight, and its product with an input's scale is still a normal float32."""


def weight_scales(
    weights: npt.NDArray[Any], chosen: Granularity, coding: Coding, method: WeightScale, floor: Reals
) -> tuple[Affine, int]:
    """One scale, or one for each output channel.

    Args:
        weights: [O, ...] float32.
        chosen: which of these.
        coding: of weights.
        method: largest weight, or least squared error (which is searched for symmetric codes alone).
        floor: [O] what each channel's scale must not be below.

    Returns:
        The scales, and how many channels asked for a wider one than their weights need.
    """
    rows = weights.reshape(len(weights), -1)
    low, high = np.minimum(rows.min(axis=1, initial=0.0), 0.0), np.maximum(rows.max(axis=1, initial=0.0), 0.0)
    if chosen is Granularity.PER_TENSOR or len(rows) == 1:
        rows, low, high = rows.reshape(1, -1), low.min(keepdims=True), high.max(keepdims=True)
    wanted = _wanted(rows, (low.astype(np.float64), high.astype(np.float64)), coding, method)
    floor = np.maximum(floor, SMALLEST_SCALE)
    scale = np.maximum(wanted, floor if wanted.size > 1 else floor.max(keepdims=True)).astype(np.float32)
    repaired = int((floor > wanted).sum())
    if coding.power_of_two:
        scale = next_powers_of_two(scale).astype(np.float32)
    if coding.symmetric:
        return Affine.along(0, scale, coding.middle), repaired
    zeros = np.clip(np.rint(coding.lowest - low / scale.astype(np.float64)), coding.lowest, coding.highest)
    return Affine.along(0, scale, zeros), repaired


def _wanted(rows: npt.NDArray[Any], ends: tuple[Reals, Reals], coding: Coding, method: WeightScale) -> Reals:
    """[S] the scales that rows [S, N] of weights ask for; ends are their lowest and highest values, and zero."""
    low, high = ends
    if coding.symmetric and method is WeightScale.MSE:
        return mse_scales(rows.astype(np.float64), coding.highest - coding.middle)
    spans, steps = (
        (np.maximum(high, -low), coding.highest - coding.middle) if coding.symmetric else (high - low, coding.steps)
    )
    # a dead channel takes its neighbours' scale: its own would be 0, and its bias needs some
    return np.asarray(np.where(spans > 0, spans, spans.max(initial=0.0) or 1.0) / steps)


def blocks(values: npt.NDArray[Any]) -> Iterator[slice]:
    """Parts along the first axis that are small enough to be widened: a layer may be most of a network."""
    rows = max(1, _BLOCK // max(1, values[:1].size))
    return (slice(start, start + rows) for start in range(0, len(values), rows))

"""The scale and zero point that hold an interval of real values, or the values of a constant."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.ir.affine import Affine
from dlpuconv.network import Range

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.ir.affine import IntegerType
    from dlpuconv.scheme import Coding

SMALLEST_SCALE = 1e-12
"""A scale below this is rounding noise of the float network; the kernels' multipliers would lose their bits."""
_EXACT = 0.01
"""Of a step: how far float32 rounding may have moved the multiples of a step."""
_DEAD_SCALE = 1 / 128
"""For a tensor that is zero in every sample: any scale is exact then, and this one survives other data."""


def covering(values: Range, coding: Coding) -> Affine:
    """The finest scale that holds `values` and an exact zero.

    Source: https://ai.google.dev/edge/litert/models/quantization_spec, with the zero point rounded to nearest.
    """
    low, high = min(values.low, 0.0), max(values.high, 0.0)
    if high - low == 0.0:
        return Affine.of(_DEAD_SCALE, coding.middle)
    if coding.symmetric:
        high = max(high, -low)
        return Affine.of(_scale(high / (coding.highest - coding.middle), coding), coding.middle)
    scale = _scale((high - low) / coding.steps, coding)
    zero_point = round(coding.lowest - low / scale)
    return Affine.of(scale, min(max(zero_point, coding.lowest), coding.highest))


def centered(coding: Coding) -> Coding:
    """The same, with the code in the middle for zero."""
    return replace(coding, symmetric=True)


def _scale(wanted: float, coding: Coding) -> float:
    scale = float(np.float32(max(wanted, SMALLEST_SCALE)))
    return float(next_powers_of_two(scale)) if coding.power_of_two else scale


def next_powers_of_two(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The powers of two next to positive numbers, and not below them."""
    fraction, exponent = np.frexp(np.asarray(values, np.float64))
    return np.asarray(np.ldexp(1.0, np.where(fraction == 0.5, exponent - 1, exponent)))


def holding(values: npt.NDArray[np.floating[Any]], coding: Coding, limit: float = math.inf) -> Affine:
    """For a constant: exact where its values are multiples of one step and there are codes for it, else `covering`.

    The anchor grid of a detector is such a constant: rounded, it would move every box.

    Args:
        values: any shape.
        coding: how they become codes.
        limit: the scale stays below it where that is possible.
    """
    flat = np.unique(np.append(np.asarray(values, np.float64).reshape(-1), 0.0))
    whole = Range(float(flat[0]), float(flat[-1]))
    if flat.size < 2 or flat.size > coding.steps + 1 or coding.symmetric or coding.power_of_two:
        return covering(whole, coding)
    step = float(np.diff(flat).min())
    for scale in (step, step / 2):
        scale /= max(coding.steps // round(float(flat[-1] - flat[0]) / scale), 1)  # as fine as it may be
        codes = np.rint(flat / scale)
        fits = codes[-1] - codes[0] <= coding.steps and SMALLEST_SCALE < scale < limit
        if fits and np.abs(codes * scale - flat).max() <= _EXACT * scale:
            return Affine.of(float(np.float32(scale)), coding.lowest - int(codes[0]))
    return covering(whole, coding)


def range_of(affine: Affine, codes: IntegerType) -> Range:
    """The real values of the lowest and the highest code."""
    scale, zero_point = affine.scale, affine.zero_point
    return Range(scale * (codes.lowest - zero_point), scale * (codes.highest - zero_point))


def reach(affine: Affine, codes: IntegerType) -> int:
    """How far the codes go from the one that stands for zero."""
    return max(codes.highest - affine.zero_point, affine.zero_point - codes.lowest)

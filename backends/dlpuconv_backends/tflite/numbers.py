"""Intervals of real values, and the scale and zero point that hold one in 8 bits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv_backends.flatbuffer import Affine

if TYPE_CHECKING:
    import numpy.typing as npt

LOWEST, HIGHEST = -128, 127
_STEPS = HIGHEST - LOWEST
_SMALLEST_SCALE = 1e-12
"""A scale below this is rounding noise of the float network; the kernels' multipliers would lose their bits."""
_EXACT = 0.01
"""Of a step: how far float32 rounding may have moved the multiples of a step."""
_DEAD_SCALE = 1 / 128
"""For a tensor that is zero in every sample: any scale is exact then, and this one survives other data."""


@dataclass(frozen=True, slots=True)
class Range:
    """The closed interval of real values from `low` to `high`; either may be infinite."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """Real units from end to end, with zero inside: what 255 steps have to span."""
        return max(self.high, 0.0) - min(self.low, 0.0)

    def union(self, other: Range) -> Range:
        """The smallest interval that holds both."""
        return Range(min(self.low, other.low), max(self.high, other.high))

    def clamped_to(self, bounds: Range) -> Range:
        """What becomes of these values when each is clamped to `bounds`."""
        return Range(
            min(max(self.low, bounds.low), bounds.high),
            min(max(self.high, bounds.low), bounds.high),
        )

    def within(self, other: Range, slack: float = 0.0) -> bool:
        """True when no value here is more than `slack` real units outside `other`."""
        return self.low >= other.low - slack and self.high <= other.high + slack


ALL = Range(-math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Parameters:
    """How an int8 activation holds real values: real = scale * (q - zero_point), q in -128..127.

    Attributes:
        scale: real value of one step; a float32 value, widened.
        zero_point: the q that stands for 0.0.
    """

    scale: float
    zero_point: int

    @classmethod
    def covering(cls, values: Range) -> Parameters:
        """The finest parameters that hold `values` and an exact zero.

        Source: https://ai.google.dev/edge/litert/models/quantization_spec, with the zero point rounded to nearest.
        """
        low, high = min(values.low, 0.0), max(values.high, 0.0)
        if high - low == 0.0:
            return cls(_DEAD_SCALE, 0)
        scale = np.float32(max((high - low) / _STEPS, _SMALLEST_SCALE))
        zero_point = round(LOWEST - low / float(scale))
        return cls(float(scale), min(max(zero_point, LOWEST), HIGHEST))

    @classmethod
    def holding(cls, values: npt.NDArray[np.floating[Any]], limit: float = math.inf) -> Parameters:
        """For a constant: exact where its values are multiples of one step that 255 of span, else `covering` them.

        The anchor grid of a detector is such a constant: rounded, it would move every box.

        Args:
            values: any shape.
            limit: the scale stays below it where that is possible.
        """
        flat = np.unique(np.append(np.asarray(values, np.float64).reshape(-1), 0.0))
        whole = Range(float(flat[0]), float(flat[-1]))
        if flat.size < 2 or flat.size > _STEPS + 1:
            return cls.covering(whole)
        step = float(np.diff(flat).min())
        for scale in (step, step / 2):
            scale /= max(_STEPS // round(float(flat[-1] - flat[0]) / scale), 1)  # as fine as it may be
            codes = np.rint(flat / scale)
            fits = codes[-1] - codes[0] <= _STEPS and _SMALLEST_SCALE < scale < limit
            if fits and np.abs(codes * scale - flat).max() <= _EXACT * scale:
                return cls(float(np.float32(scale)), LOWEST - int(codes[0]))
        return cls.covering(whole)

    @property
    def range(self) -> Range:
        """The real values of the lowest and the highest q."""
        return Range(self.scale * (LOWEST - self.zero_point), self.scale * (HIGHEST - self.zero_point))

    @property
    def affine(self) -> Affine:
        """For a tensor of the file."""
        return Affine.per_tensor(self.scale, self.zero_point)

    @property
    def reach(self) -> int:
        """The largest |q - zero_point|."""
        return max(HIGHEST - self.zero_point, self.zero_point - LOWEST)

    def quantize(
        self, values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
        """Int8 codes of real `values`, any shape; what lies outside `range` saturates."""
        codes = np.rint(np.asarray(values, np.float64) / self.scale) + self.zero_point
        return np.clip(codes, LOWEST, HIGHEST).astype(np.int8)

"""Intervals of real values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Range:
    """The closed interval of real values from `low` to `high`; either may be infinite."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """Real units from end to end, with zero inside: what all steps together have to span."""
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


ALL: Final = Range(-math.inf, math.inf)

"""Numbers as people read them: few digits, a unit, one form everywhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dlpuconv.placement import forecast_text

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
SPACE = "\N{NO-BREAK SPACE}"
"""Between a number and its unit."""


_LONGEST_NAME = 240


def number(value: float, digits: int = 3) -> str:
    """The value with so many significant digits and a true minus sign; below 1e-4 and above 1e5 with an exponent."""
    if not math.isfinite(value):
        return "not finite"
    return f"{value:.{digits}g}".replace("-", MINUS)


def decibels(value: float | None) -> str:
    """One decimal; empty for None."""
    return "" if value is None else f"{value:.1f}".replace("-", MINUS)


def shape(extents: Sequence[int]) -> str:
    """`1x224x224x3` with true signs; `?` for a dynamic extent, `scalar` for none."""
    return TIMES.join("?" if extent < 0 else str(extent) for extent in extents) or "scalar"


def quantity(count: int) -> str:
    """`950`, `12.3 k`, `301 M`, `4.6 G`, as the terminal has it, but on one line."""
    return forecast_text.quantity(count).replace(" ", SPACE)


def size(count: int) -> str:
    """`3.6 MB`, `12 kB`."""
    return f"{count / 1e6:.1f}{SPACE}MB" if count >= 1e6 else f"{max(count / 1e3, 0.1):.3g}{SPACE}kB"


def percent(share: float) -> str:
    """One decimal at most; what is not zero does not become it."""
    if 0 < share < 0.001:
        return f"less than 0.1{SPACE}%"
    return f"{100 * share:.1f}".removesuffix(".0") + f"{SPACE}%"


def short(name: str) -> str:
    """A layer's name: of all that TensorFlow fused, the first; of an endless one, both ends."""
    first = name.split(";")[0]
    if len(first) <= _LONGEST_NAME:
        return first
    half = _LONGEST_NAME // 2
    return f"{first[:half]}\N{HORIZONTAL ELLIPSIS}{first[-half:]}"

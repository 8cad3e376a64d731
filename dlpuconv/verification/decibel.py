"""Signal-to-noise ratios in dB, and what they are cut to."""

from __future__ import annotations

import math

MOST_DB = 200.0
"""Ratios beyond this (or under its negative) say nothing more in double precision: they are cut."""
LOWEST_DB, HIGHEST_DB = -20.0, 60.0
"""What the ratio of one sample is cut to, so that none outweighs all others in a mean."""


def ratio_db(signal: float, noise: float) -> float | None:
    """Signal-to-noise ratio in dB of two sums of squares, within +-`MOST_DB`; None where either is zero."""
    if noise == 0.0 or signal == 0.0:
        return None
    # The difference of logarithms, since the quotient itself may leave the range of a double.
    ratio = 10.0 * (math.log10(signal) - math.log10(noise)) if math.isfinite(noise) else -MOST_DB
    return max(-MOST_DB, min(MOST_DB, ratio))

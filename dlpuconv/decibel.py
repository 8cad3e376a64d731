"""Signal-to-noise ratios in dB, and what they are cut to: everything that dlpuconv says in dB is computed here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy.typing as npt

MOST_DB = 200.0
"""Ratios beyond this (or under its negative) say nothing more in double precision: they are cut."""
LOWEST_DB, HIGHEST_DB = -20.0, 60.0
"""What the ratio of one sample is cut to, so that none outweighs all others in a mean."""
FAIR_DB, GOOD_DB = 15.0, 25.0
"""Below the first a layer's output is far from the source's, from the second on it is close: how tables colour it."""


def ratio_db(signal: float, noise: float) -> float | None:
    """Signal-to-noise ratio in dB of two sums of squares, within +-`MOST_DB`; None where either is zero."""
    if noise == 0.0 or signal == 0.0:
        return None
    # The difference of logarithms, since the quotient itself may leave the range of a double.
    ratio = 10.0 * (math.log10(signal) - math.log10(noise)) if math.isfinite(noise) else -MOST_DB
    return max(-MOST_DB, min(MOST_DB, ratio))


def share_db(share: float) -> float:
    """Decibels of noise that is stated as a share of the signal; infinite without noise."""
    return -10 * math.log10(share) if share > 0 else math.inf


@dataclass(frozen=True, slots=True)
class SampleRatios:
    """How close something comes on each sample.

    Attributes:
        decibels: [N] of each, within `LOWEST_DB` and `HIGHEST_DB`.
        weights: [N] what each counts: its signal; a picture without a detection says nothing of a detector's scores.
        of_noise: the mean is that of the noise, as for wrong labels, and not of the ratios.
    """

    decibels: tuple[float, ...]
    weights: tuple[float, ...]
    of_noise: bool = False

    @property
    def typical_db(self) -> float | None:
        """The weighted mean; None where nothing has a weight."""
        return self.means([[1.0] * len(self.weights)])[0] if sum(self.weights) else None

    def means(self, counts: npt.ArrayLike) -> list[float]:
        """The weighted means in dB of other samples, each counted as often as [R, N] says; NaN of no weight."""
        import numpy as np

        weights = np.asarray(counts, np.float64) * (np.array(self.weights) / sum(self.weights))
        values = np.array(self.decibels)
        with np.errstate(invalid="ignore"):
            means = weights @ (10 ** (-values / 10) if self.of_noise else values) / weights.sum(axis=1)
        found: list[float] = (-10 * np.log10(means) if self.of_noise else means).tolist()
        return found


@dataclass(slots=True)
class Powers:
    """Sums over samples.

    Attributes:
        signal: sum of r^2, r what is expected.
        noise: sum of (r - a)^2, a what is found.
    """

    signal: float = 0.0
    noise: float = 0.0

    def add(self, expected: npt.ArrayLike, found: npt.ArrayLike) -> None:
        """One sample: two arrays of one shape, summed in double precision."""
        import numpy as np

        reference = np.asarray(expected, np.float64).ravel()
        error = reference - np.asarray(found, np.float64).ravel()
        self.signal += float(np.dot(reference, reference))
        self.noise += float(np.dot(error, error))

    @property
    def decibels(self) -> float | None:
        """Signal-to-noise ratio; None where there is no noise, or no signal."""
        return ratio_db(self.signal, self.noise)

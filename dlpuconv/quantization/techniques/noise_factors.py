"""Factors for channels with which 8 bits cost the outputs least, of weights and activations together.

A layer's weights are rounded in steps of its largest one, an activation in steps of its whole range. A channel that is
multiplied by s has 1 / s^2 of either noise in real units, and may widen the steps for all others; what reads it has s^2
of the noise of its own weights. With soft maxima (a p-norm) the sum of all noise is a posynomial in the factors: its
logarithm is convex in theirs, so that whatever minimum is found is the least one (Boyd et al. 2007, "A tutorial on
geometric programming", section 2.5). Riedmiller & Braun 1993, "A direct adaptive method for faster backpropagation
learning: the RPROP algorithm", finds it: slopes of factors differ by many powers of ten, and only their signs count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    type Reals = npt.NDArray[np.float64]
    type Ids = npt.NDArray[np.intp]

_NORM = 12
"""p: ten channels that all reach the maximum seem to reach 1.2 times as far."""
_STEPS, _WEIGHT_STEPS = 255, 127
_ROUNDS = 60
_FIRST, _LEAST, _LARGEST = 0.05, 1e-4, 0.5
"""How far the logarithm of a factor moves at once."""
_FASTER, _SLOWER = 1.2, 0.5
_MOST = 1e3
"""No factor beyond this: float32 weights and int32 biases have to hold what is left."""


@dataclass(frozen=True, slots=True)
class Slopes:
    """Noise that a factor's square makes more, and less, by variable: [V] each."""

    more: Reals
    less: Reals

    @classmethod
    def none(cls, count: int) -> Slopes:
        """For so many variables."""
        return cls(np.zeros(count), np.zeros(count))


class NoiseSource(Protocol):
    """Something that is rounded."""

    def noise(self, factors: Reals, slopes: Slopes) -> float:
        """What the outputs hear of it under factors, [V]; what depends on them is added to the slopes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundedActivation:
    """An activation.

    Attributes:
        ids: [C] variables.
        width: [C] of the channel's range, zero included.
        heard: [C] noise at the outputs by noise of power 1.
    """

    ids: Ids
    width: Reals
    heard: Reals

    def noise(self, factors: Reals, slopes: Slopes) -> float:
        """See `NoiseSource`."""
        s = factors[self.ids]
        reached, largest = _softly(self.width * s)
        heard = self.heard / s**2
        noise = (largest / _STEPS) ** 2 / 12 * heard.sum()
        np.add.at(slopes.more, self.ids, noise * reached)
        np.add.at(slopes.less, self.ids, noise * _shares(heard))
        return float(noise)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundedWeights:
    """A layer.

    Attributes:
        made: [O] variables.
        read: [O, I] variables, or [1, I] where all rows read the same, of the same power.
        largest: [O, I] largest |weight| between two channels, to the power of the norm, as a part of the layer's own.
        peak: the layer's largest |weight|.
        power: like `read`: mean square of what the weights multiply, summed over the taps.
        heard: [O] noise at the outputs by noise of power 1 in what is made.
    """

    made: Ids
    read: Ids
    largest: npt.NDArray[np.float32]
    peak: float
    power: Reals
    heard: Reals

    @classmethod
    def of(cls, magnitudes: Reals, made: Ids, read: Ids, power: Reals, heard: Reals) -> RoundedWeights:
        """From magnitudes, [O, I], and the variables of `layer_channels`; power is [O, I] like them."""
        same = len(read) > 1 and bool((read == read[0]).all() and (power == power[0]).all())
        peak = float(magnitudes.max(initial=0.0)) or 1.0
        largest = ((magnitudes / peak) ** _NORM).astype(np.float32)
        rows = slice(0, 1) if same else slice(None)
        return cls(made=made, read=read[rows], largest=largest, peak=peak, power=power[rows], heard=heard)

    def noise(self, factors: Reals, slopes: Slopes) -> float:
        """See `NoiseSource`."""
        up, down = factors[self.made], factors[self.read]
        heard, read = self.heard / up**2, self.power * down**2
        powered, divided = up**_NORM, down**-_NORM
        if len(self.read) < len(self.made):
            rows = powered * _product(self.largest, divided[0])
            columns = _product(self.largest.T, powered) * divided
            each = heard.sum() * read
            by_row = heard * read.sum()
        else:
            columns = self.largest * powered[:, None] * divided
            rows, each = columns.sum(axis=1), heard[:, None] * read
            by_row = each.sum(axis=1)
        whole = rows.sum()
        step = self.peak * whole ** (1 / _NORM) / _WEIGHT_STEPS
        noise = step**2 / 12 * by_row.sum()
        np.add.at(slopes.more, self.made, noise * _shares(rows))
        np.add.at(slopes.less, self.made, noise * _shares(by_row))
        np.add.at(slopes.more, self.read, noise * _shares(each))
        np.add.at(slopes.less, self.read, noise * _shares(columns))
        return float(noise)


def least_noise(sources: Sequence[NoiseSource], most: Reals) -> Reals:
    """The factor of every variable.

    Args:
        sources: all that is rounded.
        most: [V] the largest factor allowed; nan fixes a variable at 1.

    Returns:
        [V] factors, positive; 1 where nothing asks for another one.
    """
    upper = np.log(np.where(np.isnan(most), 1.0, np.minimum(most, _MOST)))
    logs: Reals = np.zeros(most.size)
    best, least = logs, np.inf
    before: Reals = np.zeros(most.size)
    step: Reals = np.full(most.size, _FIRST)
    for _ in range(_ROUNDS):
        factors, slopes = np.exp(logs), Slopes.none(most.size)
        noise = sum(source.noise(factors, slopes) for source in sources)
        if noise < least:
            best, least = logs, noise
        moved = (slopes.more > 0) & (slopes.less > 0) & ~np.isnan(most)
        sign = np.where(moved, np.sign(slopes.less - slopes.more), 0.0)
        turned = sign * before
        step = np.clip(step * np.where(turned > 0, _FASTER, np.where(turned < 0, _SLOWER, 1.0)), _LEAST, _LARGEST)
        before = np.where(turned < 0, 0.0, sign)
        logs = np.clip(logs + before * step, -np.log(_MOST), upper)
    return np.exp(best)


def _softly(values: Reals) -> tuple[Reals, float]:
    """What each of positive numbers has of their p-norm to the power of p, and the norm."""
    peak = values.max(initial=0.0) or 1.0
    powers = (values / peak) ** _NORM
    return _shares(powers), float(peak * powers.sum() ** (1 / _NORM))


def _product(matrix: npt.NDArray[np.float32], vector: Reals) -> Reals:
    """[O] of [O, I] and positive [I], summed in the matrix's own precision: a wider copy of it would take longer."""
    peak = vector.max()
    return np.asarray((matrix @ (vector / peak).astype(matrix.dtype)) * peak)


def _shares(parts: Reals) -> Reals:
    """Each part as a share of their sum; zeros where the sum is zero."""
    whole = parts.sum()
    return np.asarray(parts / whole if whole > 0 else np.zeros_like(parts))

"""One activation of a file beside its source value: sums over samples, and the figures that they give."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.decibel import ratio_db
from dlpuconv.verification.correspondence import in_order
from dlpuconv.verification.layer_parity import LayerParity

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.verification.correspondence import Counterpart, Order

    type Reals = npt.NDArray[np.float64]


_CLIPS = {"RELU": (0.0, math.inf), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}


class Likeness(StrEnum):
    """In what an activation may differ from its source value without being wrong."""

    EQUAL = "equal"
    """Nothing differs."""
    SCALED = "scaled"
    """In a factor for each channel: ranges were put where they quantize well, which is taken out behind."""
    AFFINE = "affine"
    """In a factor and an offset for each channel: absorption moves a part of the value into the next layer's bias."""

    @classmethod
    def after(cls, *, scaled: bool, absorbed: bool) -> Likeness:
        """What a recipe leaves alike that scales, or moves, channels."""
        if absorbed:
            return cls.AFFINE
        return cls.SCALED if scaled else cls.EQUAL


class Comparison:
    """Sums over the samples of one activation. Everything is in the file's shape, whose last axis are the channels."""

    def __init__(self, pair: Counterpart, likeness: Likeness) -> None:
        self.pair = pair
        self._likeness = likeness
        channels = pair.tensor.shape[-1] if pair.tensor.shape and likeness is not Likeness.EQUAL else 1
        self._sums = np.zeros((6, channels))  # of r r, r a, a a, r, a and 1: r the source's value, a the file's
        self._noise = self._peak = self._max_error = 0.0
        self._order: Order | None = None
        # A file's value stands behind what was fused into its layer; a source value may, then this changes nothing.
        self._clip = _CLIPS.get(str(pair.layer.options.get("fused_activation_function", "")))

    def add(self, reference: npt.NDArray[np.generic], value: Reals) -> None:
        """One sample.

        Args:
            reference: the source's value, in its own layout.
            value: the file's, in real units.
        """
        if self._order is None:
            self._order = _best_order(reference, value, self.pair)
        expected = np.asarray(in_order(reference, self._order, value.shape), np.float64)
        if self._clip is not None:
            expected = np.clip(expected, *self._clip)
        sound = np.isfinite(expected) & np.isfinite(value)
        if not sound.all():
            expected, value = np.where(sound, expected, 0.0), np.where(sound, value, 0.0)
        channels = self._sums.shape[1]
        r, a = expected.reshape(-1, channels), value.reshape(-1, channels)
        products = [np.einsum("ij,ij->j", *pair) for pair in ((r, r), (r, a), (a, a))]
        self._sums += [*products, r.sum(axis=0), a.sum(axis=0), np.full(channels, float(len(r)))]
        factor, offset = self._fit()
        error = r - (a * factor + offset if self._likeness is not Likeness.EQUAL else a)
        self._noise += float(np.einsum("ij,ij->", error, error))
        self._max_error = max(self._max_error, float(np.abs(error).max(initial=0.0)))
        self._peak = max(self._peak, float(np.abs(r).max(initial=0.0)))

    @property
    def noise(self) -> float:
        """Power of what the file's values differ by, with the factors that fit all samples best."""
        if self._likeness is Likeness.EQUAL:
            return self._noise
        product, energy = self._fitted()
        return float(np.maximum(self._sums[0] - 2 * product + energy, 0.0).sum())

    @property
    def decibels(self) -> float | None:
        """Signal-to-noise ratio over all samples; None where there is no noise, or no signal."""
        signal = float(self._sums[0].sum())
        return ratio_db(signal, self.noise) if math.isfinite(signal) else None

    def result(self) -> LayerParity:
        """The figures over all samples."""
        product, energy = self._fitted()
        norm = math.sqrt(float(self._sums[0].sum())) * math.sqrt(float(energy.sum()))
        return LayerParity(
            index=self.pair.layer.index,
            tensor=self.pair.tensor.index,
            names=self.pair.layer.names,
            op=self.pair.layer.op,
            source=self.pair.source,
            sqnr_db=self.decibels,
            exact=self._max_error == 0.0,
            cosine=float(product.sum()) / norm if norm and math.isfinite(norm) else None,
            max_error=self._max_error,
            peak=self._peak,
        )

    def _fitted(self) -> tuple[Reals, Reals]:
        """[C] sums of r f(a) and of f(a) f(a), f the fit."""
        _, ra, aa, r, a, n = self._sums
        factor, offset = self._fit()
        return factor * ra + offset * r, factor**2 * aa + 2 * factor * offset * a + offset**2 * n

    def _fit(self) -> tuple[Reals, Reals]:
        """[C] factor and offset that bring the file's values closest to the source's; 1 and 0 where nothing moves."""
        rr, ra, aa, r, a, n = self._sums
        zero = np.zeros_like(rr)
        if self._likeness is Likeness.EQUAL:
            return np.ones_like(rr), zero
        if self._likeness is Likeness.SCALED:
            moves = (aa > 0) & (ra > 0)
            return np.where(moves, ra / np.where(moves, aa, 1.0), 1.0), zero
        count = np.maximum(n, 1.0)
        spread, together = aa - a * a / count, ra - r * a / count
        moves = (spread > 1e-9 * np.maximum(aa, 1e-300)) & (together > 0)
        factor = np.where(moves, together / np.where(moves, spread, 1.0), 1.0)
        return factor, (r - factor * a) / count


def _best_order(reference: npt.NDArray[np.generic], value: Reals, pair: Counterpart) -> Order:
    """The axis order under which the two agree most: where extents are equal, shapes alone cannot tell."""
    if len(pair.orders) == 1:
        return pair.orders[0]

    def agreement(order: Order) -> float:
        expected = np.asarray(in_order(reference, order, value.shape), np.float64)
        return float(np.dot(np.nan_to_num(expected).ravel(), np.nan_to_num(value).ravel()))

    return max(pair.orders, key=agreement)

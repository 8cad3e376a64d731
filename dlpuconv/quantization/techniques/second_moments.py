"""Second moments of what a layer reads, in the float network and in the quantized one: what rounding learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    type Reals = npt.NDArray[np.float64]
    type Singles = npt.NDArray[np.float32]
    type Floats = npt.NDArray[np.floating]

_TOGETHER = 1 << 21
"""Values of rows whose products are taken at once."""


@dataclass(frozen=True, slots=True)
class SampleRows:
    """What a layer's rows read at some positions of each sample.

    Attributes:
        near: [G, P, K] q, less its mean over all samples where a bias takes the mean.
        drift: [G, P, K] x - q, likewise.
        starts: [N] the first position of each sample.
    """

    near: Singles
    drift: Singles
    starts: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondMoments:
    """Second moments of what a layer's rows read, over positions and samples; central ones where a bias takes the mean.

    Attributes:
        read: [G, K, K] E[q q^T] of what the quantized network gives.
        drift: [G, K, K] E[(x - q) q^T] with x, which the float network gives.
        probe: some of what they are made of.
        rows: [G, P, K] n and d, where P is less than K, of which both are made: n^T n and d^T n.
    """

    read: Reals
    drift: Reals
    probe: SampleRows
    rows: tuple[Reals, Reals] | None = None


class Sums:
    """What a layer's rows read in the float network, x, and in the quantized one, q, position by position.

    Sums are taken of q - m, with m the mean of what came first, and of x - q. What hardly varies, such as what a layer
    behind a global pooling reads of a few samples, would otherwise be the small difference of two large sums, whose
    errors alone make a matrix that has no inverse.
    """

    def __init__(self, probed: int = 64) -> None:
        """Begin with nothing.

        Args:
            probed: positions of each sample that are kept, at the most.
        """
        self._most_probed = probed
        self._count = 0.0
        self._start: Singles
        self._sums: tuple[Reals, ...] = ()
        self._waiting: list[tuple[Singles, Singles, Singles]] = []
        self._probed: list[tuple[Singles, Singles]] = []

    def add(self, x: Singles, q: Singles, counted: float = 1.0) -> None:
        """Fold [G, P, K] values at P positions of a sample, which count so much."""
        if not self._count:
            # In float64, so that the mean of equal values is that value.
            self._start = q.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
        # In order, each while it is in the processor's cache: where rows are views of an activation, products would do
        # without BLAS.
        near, drift = np.ascontiguousarray(q - self._start), np.ascontiguousarray(x - q)
        every = -(-x.shape[1] // self._most_probed)
        self._waiting.append((near, drift, np.full((1, x.shape[1], 1), counted, np.float32)))
        self._probed.append((near[:, ::every].copy(), drift[:, ::every].copy()))
        self._count += counted * x.shape[1]
        if sum(near.size for near, *_ in self._waiting) >= _TOGETHER:
            self._fold()

    def moments(self, *, centred: bool) -> SecondMoments:
        """The second moments of all rows that were folded so far."""
        rows = self._rows(centred=centred)
        self._fold()
        read, drift, mean_drift, mean_near = (total / self._count for total in self._sums)
        read, drift = read - _outer(mean_near, mean_near), drift - _outer(mean_drift, mean_near)
        probe = self._probe(mean_near, mean_drift)
        if not centred:
            mean_q = self._start[:, 0] + mean_near
            read, drift = read + _outer(mean_q, mean_q), drift + _outer(mean_drift, mean_q)
            probe = self._probe(-self._start[:, 0], np.zeros_like(mean_drift))
        return SecondMoments(read=read, drift=drift, probe=probe, rows=rows)

    def _probe(self, mean_near: Floats, mean_drift: Reals) -> SampleRows:
        """The rows that were kept, with these means subtracted."""
        near, drift = (np.concatenate(parts, 1) for parts in zip(*self._probed, strict=True))
        starts = np.cumsum([0, *(part.shape[1] for part, _ in self._probed[:-1])])
        means = (mean.astype(np.float32)[:, None] for mean in (mean_near, mean_drift))
        return SampleRows(near - next(means), drift - next(means), starts)

    def means(self, other: Sums) -> tuple[Reals, Reals]:
        """[G, K] mean of x, and of q, over what both have folded."""
        count = self._count + other._count
        q = (self._total() + other._total()) / count
        return q + (self._sums[2] + other._sums[2]) / count, q

    def _rows(self, *, centred: bool) -> tuple[Reals, Reals] | None:
        """All rows themselves, if they are fewer than a row's numbers; else None."""
        if self._sums or sum(near.shape[1] for near, *_ in self._waiting) >= self._start.shape[2]:
            return None
        near, drift, counted = (
            np.concatenate(parts, 1).astype(np.float64) for parts in zip(*self._waiting, strict=True)
        )
        shares = counted / self._count
        if centred:
            near, drift = (rows - (shares * rows).sum(axis=1, keepdims=True) for rows in (near, drift))
        else:
            near = near + self._start
        return near * np.sqrt(shares), drift * np.sqrt(shares)

    def _fold(self) -> None:
        """Add up what waits: products of many rows at once take less time than those of few."""
        if not self._waiting:
            return
        near, drift, counted = (np.concatenate(parts, 1) for parts in zip(*self._waiting, strict=True))
        self._waiting.clear()
        once = np.swapaxes(counted, 1, 2)
        weighted = np.swapaxes(near * counted, 1, 2)
        parts = (
            weighted @ near,
            np.swapaxes(weighted @ drift, 1, 2),
            (once @ drift)[:, 0],
            (once @ near)[:, 0],
        )
        added = tuple(part.astype(np.float64) for part in parts)
        self._sums = tuple(a + b for a, b in zip(self._sums, added, strict=True)) if self._sums else added

    def _total(self) -> Reals:
        """[G, K] sum of q."""
        self._fold()
        return self._sums[3] + self._count * self._start[:, 0].astype(np.float64)


def _outer(one: Reals, other: Reals) -> Reals:
    """[G, K, K] from two of [G, K]."""
    return one[:, :, None] * other[:, None, :]

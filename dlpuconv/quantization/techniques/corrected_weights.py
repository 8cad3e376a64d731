"""Weights that make up for what the layers before lost, as far as the samples agree on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.quantization.techniques.second_moments import SampleRows, SecondMoments

    type Reals = npt.NDArray[np.float64]
    type Singles = npt.NDArray[np.float32]

_CAUTION = (0.01, 0.1, 1.0, 10.0)
"""Shares of the mean square of an input, from which the samples choose."""
_LEAST_ERROR = 0.1
"""Of the median sample's error: what is less than that is nothing that could be gained or lost."""
_TINY = 1e-30


def corrected(weights: Reals, halves: tuple[SecondMoments, SecondMoments]) -> Reals:
    """[G, O, K] real weights with which the layer makes of q what W, [G, O, K], makes of x.

    W + D, where D is the least of E|D q - W (x - q)|^2 + lambda |D|^2. Few samples would ask for much that does not
    hold for others: lambda is the one with which what either half asks for helps the samples of the other half most,
    and D is 0 where none does.
    """
    one, other = halves
    if one.rows is None or other.rows is None:
        return weights + _change(weights, halves, (_Pull.of(weights, one), _Pull.of(weights, other)))
    return weights + _change(weights, halves, (_PullOfRows.of(weights, one), _PullOfRows.of(weights, other)))


def _change[P: (_Pull, _PullOfRows)](
    weights: Reals, halves: tuple[SecondMoments, SecondMoments], pulls: tuple[P, P]
) -> Reals:
    """[G, O, K] D of what either half of the samples asks for."""
    one, other = pulls
    judges = [_SampleErrors.of(weights, half.probe) for half in halves]
    least, chosen = 0.0, 0.0
    for caution in _CAUTION:
        left = judges[1].left(one.met(caution)) + judges[0].left(other.met(caution))
        if left < least:
            least, chosen = left, caution
    return one.beside(other).met(chosen) if chosen else np.zeros(1)


@dataclass(frozen=True, slots=True)
class _SampleErrors:
    """Tells whether a change helps the samples, each of which counts the same.

    In a sum of squares a freak, whose values saturate, has a hundred times the share of another sample. What halves
    its error and doubles all others' would look like a gain.

    Attributes:
        wanted: [G, O, P] W (x - q) at some positions of each sample.
        probe: q at these.
        errors: [N] sum of squares of what is wanted.
    """

    wanted: Singles
    probe: SampleRows
    errors: Singles

    @classmethod
    def of(cls, weights: Reals, probe: SampleRows) -> _SampleErrors:
        """For weights of shape [G, O, K]."""
        wanted = _products(weights, probe.drift)
        return cls(wanted, probe, _by_sample(wanted, probe))

    def left(self, change: Reals) -> float:
        """Logarithm of the error that a change, [G, O, K], leaves, in parts of what it was; mean over the samples."""
        after = _by_sample(_products(change, self.probe.near) - self.wanted, self.probe)
        floor = max(_LEAST_ERROR * float(np.median(self.errors)), _TINY)
        return float(np.log((after + floor) / (self.errors + floor)).mean())


def _products(weights: Reals, read: Singles) -> Singles:
    """[G, O, P] of weights, [G, O, K], and rows, [G, P, K]."""
    return weights.astype(np.float32) @ np.swapaxes(read, 1, 2)


def _by_sample(values: Singles, probe: SampleRows) -> Singles:
    """[N] sum of squares of [G, O, P]."""
    return np.add.reduceat(np.einsum("gop,gop->p", values, values), probe.starts)


@dataclass(frozen=True, slots=True)
class _Pull:
    """What some samples ask of the weights.

    Attributes:
        pull: [G, O, K] W E[(x - q) q^T].
        read: [G, K, K] E[q q^T].
        power: [G] mean square of an input.
    """

    pull: Reals
    read: Reals
    power: Reals

    @classmethod
    def of(cls, weights: Reals, moments: SecondMoments) -> _Pull:
        """For weights of shape [G, O, K]."""
        return cls(weights @ moments.drift, moments.read, power(moments.read))

    def beside(self, other: _Pull) -> _Pull:
        """The mean of two halves of the samples."""
        return _Pull((self.pull + other.pull) / 2, (self.read + other.read) / 2, (self.power + other.power) / 2)

    def met(self, caution: float) -> Reals:
        """[G, O, K] D = W E[(x - q) q^T] (E[q q^T] + lambda)^-1; lambda is a share of the mean square of an input."""
        return _divided(self.pull, damped(self.read, caution * self.power))


@dataclass(frozen=True, slots=True)
class _PullOfRows:
    """The same of few rows n and d: with E[q q^T] = n^T n, D is W d^T (n n^T + lambda)^-1 n.

    Attributes:
        pull: [G, O, P] W d^T.
        near: [G, P, K] n.
        power: [G] mean square of an input.
    """

    pull: Reals
    near: Reals
    power: Reals

    @classmethod
    def of(cls, weights: Reals, moments: SecondMoments) -> _PullOfRows:
        """See `_Pull.of`."""
        assert moments.rows is not None
        near, drift = moments.rows
        return cls(weights @ np.swapaxes(drift, 1, 2), near, power(moments.read))

    def beside(self, other: _PullOfRows) -> _PullOfRows:
        """See `_Pull.beside`."""
        pull, near = np.concatenate([self.pull, other.pull], 2), np.concatenate([self.near, other.near], 1)
        return _PullOfRows(pull / np.sqrt(2), near / np.sqrt(2), (self.power + other.power) / 2)

    def met(self, caution: float) -> Reals:
        """See `_Pull.met`."""
        return _divided(self.pull, damped(self.near @ np.swapaxes(self.near, 1, 2), caution * self.power)) @ self.near


def _divided(rows: Reals, by: Reals) -> Reals:
    """[G, O, R] rows times the inverse of a symmetric matrix, [G, R, R]."""
    return np.swapaxes(np.linalg.solve(by, np.swapaxes(rows, 1, 2)), 1, 2)


def power(read: Reals) -> Reals:
    """[G] mean square of an input."""
    return np.asarray(np.einsum("gkk->g", read) / read.shape[2])


def damped(read: Reals, ridge: Reals) -> Reals:
    """[G, K, K] with `ridge`, [G], on its diagonal; 1 where nothing is ever read."""
    found = read.copy()
    np.einsum("gkk->gk", found)[...] += np.where(ridge > 0, ridge, 1.0)[:, None]
    return found

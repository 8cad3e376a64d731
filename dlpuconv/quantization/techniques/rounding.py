"""Learned rounding: the codes of a layer's weights are chosen together, for what they do to the layer's output.

Rounding every weight to its nearest code is best for the weights, not for their sums: errors of inputs that go together
add up. Frantar et al. 2022, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers"
(arXiv 2210.17323), rounds one column after the other and lets those that follow make up for the error; it needs nothing
but the second moments of what the layer reads. As in Nagel et al. 2020, "Up or Down? Adaptive Rounding for
Post-Training Quantization" (arXiv 2004.10568), section 3.3, the layer reads what the quantized network gives it and has
to make what the float network makes, so it also makes up for the layers before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.quantization.techniques.second_moments import MomentProbe, SecondMoments

    type Reals = npt.NDArray[np.float64]
    type Singles = npt.NDArray[np.float32]
    type Floats = npt.NDArray[np.floating]

_DAMPING = 0.1
"""Of the mean square of an input. GPTQ takes a tenth of that; but images are few, and their positions much alike."""
_CAUTION = (0.01, 0.1, 1.0, 10.0)
"""The same for the correction, from which the samples choose."""
_LEAST_ERROR = 0.1
"""Of the median sample's error: what is less than that is nothing that could be gained or lost."""
_TINY = 1e-30
_BLOCK = 64
_SWEEPS = 2


def learned_codes(
    weights: Reals, scale: Reals, halves: tuple[SecondMoments, SecondMoments], largest: int = 127
) -> Reals:
    """Codes c that make E|s c q - W x|^2 small; `corrected` tells what they come close to.

    Args:
        weights: [G, O, K] float; each row is a channel of the output, those of a group read the same.
        scale: [G, O] real value of one code.
        halves: of the inputs, on one half of the samples and on the other.
        largest: magnitude of a code.

    Returns:
        [G, O, K] whole numbers in [-largest, largest], in each row no worse by `rounding_error` than the nearest ones;
        these where the inputs are so large that their squares have no float32.
    """
    nearest = _rounded(weights / scale[..., None], largest)
    if not all(np.isfinite(half.read).all() and np.isfinite(half.drift).all() for half in halves):
        return nearest
    target = corrected(weights, halves) / scale[..., None]
    read = (halves[0].read + halves[1].read) / 2
    hessian = _damped(read, _DAMPING * _power(read))
    hessian /= np.einsum("gkk->gk", hessian).mean(axis=1)[:, None, None]  # far from float32's ends
    codes = _compensated(target, hessian, largest)
    target, hessian = target.astype(np.float32), hessian.astype(np.float32)  # as precise as the moments
    found = _descended(codes, target, hessian, largest).astype(np.float64)
    better = rounding_error(found, target, hessian) <= rounding_error(nearest, target, hessian)
    return np.where(better[..., None], found, nearest)


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
    judges = [_Judge.of(weights, half.probe) for half in halves]
    least, chosen = 0.0, 0.0
    for caution in _CAUTION:
        left = judges[1].left(one.met(caution)) + judges[0].left(other.met(caution))
        if left < least:
            least, chosen = left, caution
    return one.beside(other).met(chosen) if chosen else np.zeros(1)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Tells whether a change helps the samples, each of which counts the same.

    In a sum of squares a freak, whose values saturate, has a hundred times the share of another sample. What halves
    its error and doubles all others' would look like a gain.

    Attributes:
        wanted: [G, O, P] W (x - q) at some positions of each sample.
        probe: q at these.
        errors: [N] sum of squares of what is wanted.
    """

    wanted: Singles
    probe: MomentProbe
    errors: Singles

    @classmethod
    def of(cls, weights: Reals, probe: MomentProbe) -> _Judge:
        """Of weights [G, O, K]."""
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


def _by_sample(values: Singles, probe: MomentProbe) -> Singles:
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
        """Of weights [G, O, K]."""
        return cls(weights @ moments.drift, moments.read, _power(moments.read))

    def beside(self, other: _Pull) -> _Pull:
        """Of two halves of the samples together."""
        return _Pull((self.pull + other.pull) / 2, (self.read + other.read) / 2, (self.power + other.power) / 2)

    def met(self, caution: float) -> Reals:
        """[G, O, K] D = W E[(x - q) q^T] (E[q q^T] + lambda)^-1; lambda is a share of the mean square of an input."""
        return _divided(self.pull, _damped(self.read, caution * self.power))


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
        return cls(weights @ np.swapaxes(drift, 1, 2), near, _power(moments.read))

    def beside(self, other: _PullOfRows) -> _PullOfRows:
        """See `_Pull.beside`."""
        pull, near = np.concatenate([self.pull, other.pull], 2), np.concatenate([self.near, other.near], 1)
        return _PullOfRows(pull / np.sqrt(2), near / np.sqrt(2), (self.power + other.power) / 2)

    def met(self, caution: float) -> Reals:
        """See `_Pull.met`."""
        return _divided(self.pull, _damped(self.near @ np.swapaxes(self.near, 1, 2), caution * self.power)) @ self.near


def _divided(rows: Reals, by: Reals) -> Reals:
    """[G, O, R] rows times the inverse of a symmetric matrix, [G, R, R]."""
    return np.swapaxes(np.linalg.solve(by, np.swapaxes(rows, 1, 2)), 1, 2)


def _power(read: Reals) -> Reals:
    """[G] mean square of an input."""
    return np.asarray(np.einsum("gkk->g", read) / read.shape[2])


def _damped(read: Reals, ridge: Reals) -> Reals:
    """[G, K, K] with `ridge`, [G], on its diagonal; 1 where nothing is ever read."""
    found = read.copy()
    np.einsum("gkk->gk", found)[...] += np.where(ridge > 0, ridge, 1.0)[:, None]
    return found


def rounding_error(codes: Floats, target: Floats, hessian: Floats) -> Floats:
    """[G, O] (c - t) H (c - t)^T of each row c of codes, [G, O, K], under H, [G, K, K]."""
    error = (codes - target).astype(hessian.dtype)
    return np.asarray(((error @ hessian) * error).sum(axis=2))


def _rounded[T: np.floating](values: npt.NDArray[T], largest: int) -> npt.NDArray[T]:
    """By np.clip it would take several times as long on short rows."""
    return np.asarray(np.minimum(np.maximum(np.rint(values), -largest), largest))


def _compensated(target: Floats, hessian: Floats, largest: int) -> Floats:
    """GPTQ: columns in order of decreasing H_kk, each rounded so that those that follow can make up for most of it.

    For H = U U^T with U upper triangular, the error is the sum of squares of e U, whose first columns know of the first
    errors alone: with e_j, j < k, made, the best real e_k is -sum of e_j U_jk / U_kk. That is what algorithm 1 computes
    by way of the inverse of H. Blocks take what all before them ask for at once.
    """
    order = np.argsort(-np.einsum("gkk->gk", hessian), axis=1, kind="stable")
    backwards = order[:, ::-1]
    group = np.arange(order.shape[0])[:, None]
    lower = np.linalg.cholesky(hessian[group[..., None], backwards[:, :, None], backwards[:, None, :]])
    # In order: products of reversed matrices do without BLAS. In float32: sums of errors of codes need no more.
    upper = np.ascontiguousarray(lower[:, ::-1, ::-1], np.float32)
    wanted = np.ascontiguousarray(np.swapaxes(target, 1, 2)[group, order], np.float32)  # [G, K, O]: rows lie together
    error = np.empty_like(wanted)
    for begin, end in _blocks(wanted.shape[1]):
        asked = np.swapaxes(upper[:, :begin, begin:end], 1, 2) @ error[:, :begin]
        for k in range(begin, end):
            best = _rounded(wanted[:, k] - asked[:, k - begin] / upper[:, k, k, None], largest)
            error[:, k] = best - wanted[:, k]
            asked[:, k + 1 - begin :] += upper[:, k, k + 1 : end, None] * error[:, k, None]
    codes = np.empty_like(wanted)
    codes[group, order] = np.rint(wanted + error)
    return np.swapaxes(codes, 1, 2)


def _descended(codes: Floats, target: Floats, hessian: Floats, largest: int) -> Floats:
    """Cyclic coordinate descent: each code becomes the best one beside the others, which never makes it worse.

    Behdin et al. 2023, "QuantEase: Optimization-based Quantization for Language Models" (arXiv 2309.01885), section 3.
    A block's steps reach the slopes outside it at once.
    """
    found = np.ascontiguousarray(np.swapaxes(codes, 1, 2), hessian.dtype)  # [G, K, O]
    slope = hessian @ (found - np.swapaxes(target, 1, 2))
    for _ in range(_SWEEPS):
        moved = False
        for begin, end in _blocks(found.shape[1]):
            before, own = found[:, begin:end].copy(), slope[:, begin:end].copy()
            for k in range(begin, end):
                best = _rounded(found[:, k] - own[:, k - begin] / hessian[:, k, k, None], largest)
                step = best - found[:, k]
                if step.any():
                    own += hessian[:, begin:end, k, None] * step[:, None]
                    found[:, k] = best
            steps = found[:, begin:end] - before
            if steps.any():
                moved = True
                slope += hessian[:, :, begin:end] @ steps
        if not moved:
            break
    return np.swapaxes(found, 1, 2)


def _blocks(count: int) -> list[tuple[int, int]]:
    return [(begin, min(begin + _BLOCK, count)) for begin in range(0, count, _BLOCK)]

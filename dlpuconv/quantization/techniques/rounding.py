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

    type Reals = npt.NDArray[np.float64]

_DAMPING = 0.1
"""Of the mean square of an input. GPTQ takes a tenth of that; but images are few, and their positions much alike."""
_CAUTION = (0.01, 0.1, 1.0, 10.0)
"""The same for the correction, from which the samples choose."""
_BLOCK = 64
_SWEEPS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondMoments:
    """Second moments of what a layer's rows read, over positions and samples; central ones where a bias takes the mean.

    Attributes:
        read: [G, K, K] E[q q^T] of what the quantized network gives.
        drift: [G, K, K] E[(x - q) q^T] with x, which the float network gives.
    """

    read: Reals
    drift: Reals

    @classmethod
    def of_both(cls, one: SecondMoments, other: SecondMoments) -> SecondMoments:
        """Of two halves of the samples together."""
        return cls(read=(one.read + other.read) / 2, drift=(one.drift + other.drift) / 2)


class Sums:
    """What a layer's rows read in the float network, x, and in the quantized one, q, position by position.

    Sums are taken of q - m, with m the mean of what came first, and of x - q. What hardly varies, such as what a layer
    behind a global pooling reads of a few samples, would otherwise be the small difference of two large sums, whose
    errors alone make a matrix that has no inverse.
    """

    def __init__(self) -> None:
        self._count = 0
        self._start: npt.NDArray[np.float32]
        self._sums: tuple[Reals, ...] = ()

    def add(self, x: npt.NDArray[np.float32], q: npt.NDArray[np.float32]) -> None:
        """Fold [G, P, K] values at P positions."""
        if not self._count:
            # In float64, so that the mean of equal values is that value.
            self._start = q.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
        # Where a view of the activation is read, products would do without BLAS.
        near, drift = np.ascontiguousarray(q - self._start), np.ascontiguousarray(x - q)
        parts = (np.swapaxes(near, 1, 2) @ near, np.swapaxes(drift, 1, 2) @ near, drift.sum(axis=1), near.sum(axis=1))
        added = tuple(part.astype(np.float64) for part in parts)
        self._sums = tuple(a + b for a, b in zip(self._sums, added, strict=True)) if self._count else added
        self._count += x.shape[1]

    def moments(self, *, centred: bool) -> SecondMoments:
        """Of what was folded."""
        read, drift, mean_drift, mean_near = (total / self._count for total in self._sums)
        central = SecondMoments(read=read - _outer(mean_near, mean_near), drift=drift - _outer(mean_drift, mean_near))
        if centred:
            return central
        mean_q = self._start[:, 0] + mean_near
        return SecondMoments(
            read=central.read + _outer(mean_q, mean_q),
            drift=central.drift + _outer(mean_drift, mean_q),
        )

    def means(self, other: Sums) -> tuple[Reals, Reals]:
        """[G, K] mean of x, and of q, over what both have folded."""
        count = self._count + other._count
        q = (self._total() + other._total()) / count
        return q + (self._sums[2] + other._sums[2]) / count, q

    def _total(self) -> Reals:
        """[G, K] sum of q."""
        return self._sums[3] + self._count * self._start[:, 0].astype(np.float64)


def _outer(one: Reals, other: Reals) -> Reals:
    """[G, K, K] from two of [G, K]."""
    return one[:, :, None] * other[:, None, :]


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
    both = SecondMoments.of_both(*halves)
    if not (np.isfinite(both.read).all() and np.isfinite(both.drift).all()):
        return nearest
    target = corrected(weights, halves) / scale[..., None]
    hessian = both.read + _ridge(both, _DAMPING)
    found = _descended(_compensated(target, hessian, largest), target, hessian, largest)
    better = rounding_error(found, target, hessian) <= rounding_error(nearest, target, hessian)
    return np.where(better[..., None], found, nearest)


def corrected(weights: Reals, halves: tuple[SecondMoments, SecondMoments]) -> Reals:
    """[G, O, K] real weights with which the layer makes of q what W, [G, O, K], makes of x.

    W + D, where D is the least of E|D q - W (x - q)|^2 + lambda |D|^2. Few samples would ask for much that does not
    hold for others: lambda is the one with which what either half asks for helps the other half most, and D is 0 where
    none does.
    """
    pulls = [weights @ half.drift for half in halves]
    least, chosen = 0.0, 0.0
    for caution in _CAUTION:
        left = sum(_left(_asked(pulls[i], halves[i], caution), pulls[1 - i], halves[1 - i]) for i in range(len(halves)))
        if left < least:
            least, chosen = left, caution
    return weights + _asked((pulls[0] + pulls[1]) / 2, SecondMoments.of_both(*halves), chosen) if chosen else weights


def _asked(pull: Reals, moments: SecondMoments, caution: float) -> Reals:
    """[G, O, K] D = W E[(x - q) q^T] (E[q q^T] + lambda)^-1; `pull` is the product without the inverse."""
    wanted = np.linalg.solve(moments.read + _ridge(moments, caution), np.swapaxes(pull, 1, 2))
    return np.swapaxes(wanted, 1, 2)


def _left(change: Reals, pull: Reals, moments: SecondMoments) -> float:
    """E|D q - W (x - q)|^2 less what it is for D = 0."""
    return float(((change @ moments.read - 2 * pull) * change).sum())


def _ridge(moments: SecondMoments, share: float) -> Reals:
    """[G, K, K] lambda I; lambda is a share of the mean square of the inputs, and 1 where nothing is ever read."""
    size = moments.read.shape[2]
    power = share * np.einsum("gkk->g", moments.read) / size
    return np.asarray(np.where(power > 0, power, 1.0)[:, None, None] * np.eye(size))


def rounding_error(codes: Reals, target: Reals, hessian: Reals) -> Reals:
    """[G, O] (c - t) H (c - t)^T of each row c of codes, [G, O, K], under H, [G, K, K]."""
    error = codes - target
    return np.asarray(((error @ hessian) * error).sum(axis=2))


def _rounded(values: Reals, largest: int) -> Reals:
    return np.clip(np.rint(values), -largest, largest)


def _compensated(target: Reals, hessian: Reals, largest: int) -> Reals:
    """GPTQ: columns in order of decreasing H_kk, each rounded so that those that follow can make up for most of it.

    For H = U U^T with U upper triangular, the error is the sum of squares of e U, whose first columns know of the first
    errors alone: with e_j, j < k, made, the best real e_k is -sum of e_j U_jk / U_kk. That is what algorithm 1 computes
    by way of the inverse of H. Blocks take what all before them ask for at once.
    """
    order = np.argsort(-np.einsum("gkk->gk", hessian), axis=1, kind="stable")
    backwards = order[:, ::-1]
    group = np.arange(order.shape[0])[:, None]
    lower = np.linalg.cholesky(hessian[group[..., None], backwards[:, :, None], backwards[:, None, :]])
    upper = np.ascontiguousarray(lower[:, ::-1, ::-1])  # products of reversed matrices do without BLAS
    wanted = np.ascontiguousarray(np.swapaxes(target, 1, 2)[group, order])  # [G, K, O]: a column's rows lie together
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


def _descended(codes: Reals, target: Reals, hessian: Reals, largest: int) -> Reals:
    """Cyclic coordinate descent: each code becomes the best one beside the others, which never makes it worse.

    Behdin et al. 2023, "QuantEase: Optimization-based Quantization for Language Models" (arXiv 2309.01885), section 3.
    A block's steps reach the slopes outside it at once.
    """
    found = np.ascontiguousarray(np.swapaxes(codes, 1, 2))  # [G, K, O]
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

"""Learned rounding: the codes of a layer's weights are chosen together, for what they do to the layer's output.

Rounding every weight to its nearest code is best for the weights, not for their sums: errors of inputs that go together
add up. Frantar et al. 2022, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers"
(arXiv 2210.17323), rounds one column after the other and lets those that follow make up for the error; it needs nothing
but the second moments of what the layer reads. As in Nagel et al. 2020, "Up or Down? Adaptive Rounding for
Post-Training Quantization" (arXiv 2004.10568), section 3.3, the layer reads what the quantized network gives it and has
to make what the float network makes, so it also makes up for the layers before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization.techniques.corrected_weights import corrected, damped, power

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.quantization.techniques.second_moments import SecondMoments

    type Reals = npt.NDArray[np.float64]
    type Floats = npt.NDArray[np.floating]

_DAMPING = 0.1
"""Of the mean square of an input. GPTQ takes a tenth of that; but images are few, and their positions much alike."""
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
    hessian = damped(read, _DAMPING * power(read))
    hessian /= np.einsum("gkk->gk", hessian).mean(axis=1)[:, None, None]  # far from float32's ends
    codes = _compensated(target, hessian, largest)
    target, hessian = target.astype(np.float32), hessian.astype(np.float32)  # as precise as the moments
    found = _descended(codes, target, hessian, largest).astype(np.float64)
    better = rounding_error(found, target, hessian) <= rounding_error(nearest, target, hessian)
    return np.where(better[..., None], found, nearest)


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

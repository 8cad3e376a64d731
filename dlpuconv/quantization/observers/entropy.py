"""The range whose codes keep the most information about the distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.quantization.observers.spread import Spread

_SHARES = np.linspace(0.1, 1.0, 46)


def entropy(spread: Spread, low: float, high: float) -> tuple[float, float]:
    """The share of the range with the least Kullback-Leibler divergence between values and codes.

    Migacz 2017, "8-bit Inference with TensorRT": P is the distribution with what lies outside piled up at the ends, Q
    the one inside, merged into the codes and spread evenly over the bins that are not empty; the least sum P log(P / Q)
    decides. Both ends move in together, since codes are asymmetric here.

    Args:
        spread: as observed.
        low: the lowest value that a reader can tell apart from those below.
        high: likewise.
    """
    edges = spread.edges
    centers = np.clip((edges[:-1] + edges[1:]) / 2, low, high)
    ends = [(min(low, 0.0) * share, max(high, 0.0) * share) for share in _SHARES]
    divergences = [_divergence(spread, centers, *pair) for pair in ends]
    return ends[int(np.argmin(divergences))]


def _divergence(spread: Spread, centers: npt.NDArray[np.float64], low: float, high: float) -> float:
    weights, steps = spread.weights, spread.codes - 1
    inside = (centers >= low) & (centers <= high)
    if high <= low or not weights[inside].sum() > 0:
        return np.inf
    reference = weights[inside].copy()
    reference[0] += weights[centers < low].sum()
    reference[-1] += weights[centers > high].sum()
    codes = np.clip(np.rint((centers[inside] - low) / (high - low) * steps), 0, steps).astype(np.intp)
    merged = np.bincount(codes, weights[inside], spread.codes)
    filled = np.bincount(codes, weights[inside] > 0, spread.codes)
    candidate = np.where(weights[inside] > 0, merged[codes] / np.maximum(filled[codes], 1.0), 0.0)
    known = reference > 0
    p = reference[known] / reference.sum()
    q = np.maximum(candidate[known] / candidate.sum(), np.finfo(np.float64).tiny)
    return float((p * np.log(p / q)).sum())

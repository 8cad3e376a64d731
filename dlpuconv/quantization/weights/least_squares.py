"""Weight scales by least squared error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_SHARES = np.concatenate([np.linspace(0.3, 0.7, 9), np.linspace(0.72, 1.0, 29)])
_MOST_VALUES = 1 << 18
"""Beyond this, evenly picked values stand for all: a scale needs no more."""


def mse_scales(rows: npt.NDArray[np.float64], largest: int = 127) -> npt.NDArray[np.float64]:
    """The scales of symmetric codes with the least squared error; the largest weights may saturate.

    Choukroun et al. 2019, "Low-bit Quantization of Neural Networks for Efficient Inference", equation 4:
    argmin over s of sum (w - s * clip(round(w / s), -L, L))^2, searched on shares of max|w| / L.

    Args:
        rows: [S, N] weights; each row gets a scale of its own.
        largest: L, the largest code.

    Returns:
        [S] scales; a row of zeros takes the largest of the others.
    """
    peaks = np.abs(rows).max(axis=1, initial=0.0)
    stride = max(rows.shape[1] * rows.shape[0] // _MOST_VALUES, 1)
    picked = rows[:, ::stride] if rows.shape[0] == 1 else rows
    best = np.full(peaks.size, np.inf)
    scales = peaks / largest
    for share in _SHARES[::-1]:
        candidate = share * peaks / largest
        step = np.where(candidate > 0, candidate, 1.0)[:, None]
        error = picked - np.clip(np.rint(picked / step), -largest, largest) * step
        squared = np.einsum("sn,sn->s", error, error)
        better = squared < best
        best = np.where(better, squared, best)
        scales = np.where(better, candidate, scales)
    return np.where(peaks > 0, scales, scales.max(initial=0.0) or 1.0 / largest)

"""Absorption: what a channel always holds at least moves out of the activation, into the next layer's bias."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_MARGIN = 0.2
"""Of a rectified channel's range: how far other samples may fall below the calibration's."""


def absorbed(
    low: npt.NDArray[np.float64], high: npt.NDArray[np.float64], *, rectified: bool
) -> npt.NDArray[np.float64]:
    """By how much each channel moves down, and the next layer's bias up by W c.

    Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", section 4.1.3: for
    x >= c, relu(x - c) = relu(x) - c, with c = max(0, b - 3 g) from batch normalization there, and from the lowest
    value that was observed here. Without a rectifier the identity holds for any c, and the middle of the channel's
    range makes its share of the tensor's range least.

    Args:
        low: [C] lowest value observed.
        high: [C] highest value observed.
        rectified: True behind a ReLU.
    """
    if rectified:
        return np.asarray(np.maximum(low - _MARGIN * (high - low), 0.0))
    return np.asarray((low + high) / 2)

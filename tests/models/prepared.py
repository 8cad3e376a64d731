"""Pixels as networks take them, and how many answers are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

type Floats = npt.NDArray[np.float32]


def channels_first(pixels: npt.NDArray[np.uint8], mean: Sequence[float], std: Sequence[float]) -> Floats:
    """[N, H, W, C] uint8 to [N, C, H, W] float32, (pixel - mean) / std."""
    values = (pixels.astype(np.float32) - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))


def right(outputs: Sequence[npt.NDArray[Any]], labels: npt.NDArray[np.int64]) -> float:
    """The share of samples whose highest score in the first output is that of their class."""
    return float((np.asarray(outputs[0]).reshape(len(labels), -1).argmax(1) == labels).mean())

"""ResNet-20 on CIFAR-10 by Yerlan Idelbayev, which takes pictures as networks for ImageNet do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.models.cifar import calibration, evaluation
from tests.models.prepared import Floats, right

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

INPUT = "input"
METRIC = "top-1"
_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def load_calib(n: int = 100) -> Floats:
    """[N, 3, 32, 32], at most 100."""
    return calibration(_MEAN, _STD)[:n]


def load_eval() -> tuple[Floats, npt.NDArray[np.int64]]:
    """[200, 3, 32, 32], and the class of each."""
    return evaluation(_MEAN, _STD)


score = right

"""A small MobileNetV2 that was trained for this project on CIFAR-10."""

from __future__ import annotations

from tests.models.cifar import calibration, evaluation
from tests.models.prepared import Floats, right

INPUT = "input"
METRIC = "top-1"


def load_calib(n: int = 100) -> Floats:
    """[N, 3, 32, 32], at most 100."""
    return calibration()[:n]


load_eval = evaluation
score = right

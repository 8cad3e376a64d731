"""Visual wake words, a quarter MobileNetV1 of MLPerf Tiny: is there a person in the picture?"""

from __future__ import annotations

from itertools import cycle, islice
from typing import TYPE_CHECKING

import numpy as np

from tests.models.photographs import FACES, WITHOUT, shots
from tests.models.prepared import Floats, channels_first, right

if TYPE_CHECKING:
    import numpy.typing as npt

INPUT = "input"
METRIC = "accuracy"
_SIDE, _COUNT = 96, 120
_WITH = islice(cycle(FACES), len(WITHOUT))
_NAMES = tuple(name for pair in zip(_WITH, WITHOUT, strict=True) for name in pair)


def load_calib(n: int = 100) -> Floats:
    """[N, 3, 96, 96]."""
    return channels_first(shots("calib", n, _SIDE, _NAMES), (0,), (255,))


def load_eval() -> tuple[Floats, npt.NDArray[np.int64]]:
    """[120, 3, 96, 96], and 1 for each with a person."""
    labels = [_NAMES[at % len(_NAMES)] in FACES for at in range(_COUNT)]
    return channels_first(shots("eval", _COUNT, _SIDE, _NAMES), (0,), (255,)), np.array(labels, np.int64)


score = right

"""KWT-1 by ARM, a transformer that spots ten words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.models.prepared import Floats, right
from tests.models.words import read

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

INPUT = "input"
METRIC = "top-1"
_FILE = "words_98x40.npz"


def load_calib(n: int = 40) -> Floats:
    """[N, 1, 98, 40], at most 40."""
    return read(_FILE, "calib")[0][:n]


def load_eval() -> tuple[Floats, npt.NDArray[np.int64]]:
    """[100, 1, 98, 40], and the number of each word."""
    return read(_FILE, "eval")


score = right

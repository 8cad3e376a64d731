"""A depthwise CNN that spots ten words, of MLPerf Tiny."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.models.prepared import Floats, right
from tests.models.words import read

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

INPUT = "input"
METRIC = "top-1"
_FILE = "words_49x10.npz"


def load_calib(n: int = 100) -> Floats:
    """[N, 1, 49, 10], at most 100."""
    return read(_FILE, "calib")[0][:n]


def load_eval() -> tuple[Floats, npt.NDArray[np.int64]]:
    """[200, 1, 49, 10], and the number of each word."""
    return read(_FILE, "eval")


score = right

"""Spoken words, as the coefficients (MFCC) of one second each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from tests.models.prepared import Floats

_FOLDER = Path(__file__).parent / "_data"


def read(file: str, split: str) -> tuple[Floats, npt.NDArray[np.int64]]:
    """[N, 1, frames, coefficients], and the number of each word; `split` is "calib" or "eval"."""
    with np.load(_FOLDER / file) as stored:
        values = (stored[split].astype(np.float32) - stored["zero_point"]) * stored["scale"]
        return values.astype(np.float32), stored[f"{split}_labels"].astype(np.int64)

"""Embeddings: do they point the same way?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    type Floats = npt.NDArray[np.float64]


class Embeddings:
    """Mean cosine of each sample's vector with the source's."""

    def __init__(self) -> None:
        self._count, self._sum = 0, 0.0

    def add(self, expected: Floats, value: Floats) -> None:
        """One sample; a vector of zeros points nowhere."""
        lengths = float(np.linalg.norm(expected) * np.linalg.norm(value))
        self._count += 1
        self._sum += float(np.vdot(expected, value)) / lengths if lengths > 0 else 0.0

    def result(self) -> float | None:
        """The mean; None where there are no samples."""
        return self._sum / self._count if self._count else None

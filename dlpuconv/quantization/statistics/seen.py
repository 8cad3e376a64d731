"""What one sample made of an activation, as gauges look at it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    type Ends = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]

_LONG_ROW = 1024


@dataclass(frozen=True)
class Seen:
    """The values of one activation in one sample.

    Attributes:
        values: any shape, channels last; only lent.
        channels: how many, C.
    """

    values: npt.NDArray[np.float32]
    channels: int

    @property
    def rows(self) -> npt.NDArray[np.float32]:
        """[P, C] of all positions."""
        return self.values.reshape(-1, self.channels)

    @cached_property
    def ends(self) -> Ends:
        """[C] lowest and highest value of each channel, each found once for all gauges; NaN where one is NaN."""
        wide, count = _widened(self.rows), self.channels
        low, high = (ends.reshape(-1, count) for ends in (wide.min(axis=0), wide.max(axis=0)))
        return low.min(axis=0), high.max(axis=0)


def _widened(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The same values in longer rows, each of several whole old ones: numpy folds those many times faster."""
    together = max(_LONG_ROW // rows.shape[1], 1)
    while rows.shape[0] % together:
        together -= 1
    return rows.reshape(-1, together * rows.shape[1])

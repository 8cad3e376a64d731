"""What is known of an activation's channels without having seen any data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Mean and standard deviation of each channel over positions and samples, in training.

    Attributes:
        mean: [C] float64.
        deviation: [C] float64, not negative.
    """

    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]

"""What a calibration sample counts beside others: one whose values saturate would decide for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    type Reals = npt.NDArray[np.float64]

_USUAL = 4
"""An error is usual up to so many times the median's."""


def counts_of(errors: Reals) -> Reals:
    """[N] above 0, up to 1: by what each sample's part of a sum of squared errors is multiplied.

    The error of a sample that saturates may be a hundred times another's: least squares, and a mean, give up the others
    for it. So none has more than a usual part. These are the weights of Huber 1964, "Robust Estimation of a Location
    Parameter", for the squares of whole samples.

    Args:
        errors: [N] of each sample, before anything is learned; where one is not finite, all count the same.
    """
    most = _USUAL * float(np.median(errors))
    usable = most > 0 and np.isfinite(errors).all()
    return most / np.maximum(errors, most) if usable else np.ones_like(errors)

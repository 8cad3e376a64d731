"""The places that an output speaks of: one row of numbers for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.ir.output_kind import OutputKind

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.verification.kinds.kind import Region

    type Floats = npt.NDArray[np.float64]

COLUMNS = 4
"""Numbers of a box."""
FEWEST_PLACES = 16
"""Fewer numbers along an axis are columns rather than places."""


def rows_axis(array: Floats, region: Region) -> int | None:
    """Which axis the numbers of one place are along; None where that is not known.

    Args:
        array: of a part.
        region: the part: cut along that axis; of values beside scores, all axes but that of the places; of boxes that
            are a whole output, the last axis of four.
    """
    if region.axis is not None:
        return region.axis
    if region.kind is OutputKind.BOXES:
        return max((axis for axis in range(array.ndim) if array.shape[axis] == COLUMNS), default=None)
    if region.places is None:
        return None
    others = [axis for axis in range(array.ndim) if axis != region.places and array.shape[axis] > 1]
    return others[0] if len(others) == 1 else None


def rows(array: Floats, axis: int) -> Floats:
    """[places, numbers]."""
    return np.moveaxis(array, axis, -1).reshape(-1, array.shape[axis])


def by_place(array: Floats, region: Region, places: int) -> Floats | None:
    """[places, numbers] of scores; None where they are not for as many places."""
    if region.axis is not None:
        found = rows(array, region.axis)
        return found if len(found) == places else None
    axes = [axis for axis in range(array.ndim) if array.shape[axis] == places]
    return np.moveaxis(array, axes[0], 0).reshape(places, -1) if axes else None


def columns(array: Floats, region: Region, places: int) -> Floats | None:
    """The same of as many rows as there are boxes, be it one number each, or none at all."""
    if array.size == places:
        return array.reshape(places, 1)
    return by_place(array, region, places) if places else None

"""Places at equal distances are what they say, and are found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpuconv.ir.strides import Stride


@pytest.mark.parametrize(
    ("stride", "places"),
    [
        (Stride(4, 7), [4, 5, 6]),
        (Stride(2, 9, 3), [2, 5, 8]),
        (Stride(0, 8, 3, 2), [0, 1, 3, 4, 6, 7]),
        (Stride(5, 11, 4, 2), [5, 6, 9, 10]),
    ],
)
def test_a_stride_is_the_places_that_it_says(stride: Stride, places: list[int]) -> None:
    assert stride.places.tolist() == places
    assert stride.count == len(places)
    assert Stride.of(np.array(places)) == stride
    assert np.arange(20)[stride.index(0)].tolist() == places


@pytest.mark.parametrize("places", [[0, 1, 3], [0, 2, 5], [0, 1, 4, 5, 7, 8]])
def test_places_at_unequal_distances_have_none(places: list[int]) -> None:
    assert Stride.of(np.array(places)) is None


@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 4), st.data())
def test_places_of_a_middle_axis_are_found_in_all_three_behind_one_another(
    outer: int, extent: int, inner: int, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, extent - 1))
    stop = data.draw(st.integers(start + 1, extent))
    taken = np.zeros((outer, extent, inner), bool)
    taken[:, start:stop] = True
    stride = Stride.of(np.flatnonzero(taken))
    assert stride is not None
    assert stride.within(outer, extent, inner) == Stride(start, stop)


def test_places_that_depend_on_the_outer_axis_are_none_of_the_middle_one() -> None:
    assert Stride(0, 3).within(2, 3, 1) is None

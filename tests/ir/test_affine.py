"""Scale and zero point, one pair or one for each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpuconv.ir.affine import INT8, UINT8, UINT16, Affine, IntegerType

if TYPE_CHECKING:
    from numpy.typing import NDArray


def test_codes_are_rounded_to_the_nearest_even_and_held_at_the_ends_of_their_type() -> None:
    # in steps of 0.5 about 3: -1 -> -2 + 3, 0.25 -> 0.5 -> 0 + 3, 0.75 -> 1.5 -> 2 + 3, 1000 -> the end
    codes = Affine.of(0.5, 3).encode([-1.0, 0.25, 0.75, 1000.0, -1000.0], INT8)
    assert codes.dtype == np.int8
    assert codes.tolist() == [1, 3, 5, 127, -128]


def test_each_channel_has_its_own_pair() -> None:
    affine = Affine.along(1, [0.5, 2.0], [0, 10])
    codes = affine.encode(np.array([[1.0, 8.0], [-1.0, -8.0]]), UINT8)
    assert codes.tolist() == [[2, 14], [0, 6]]
    assert affine.decode(codes).tolist() == [[1.0, 8.0], [0.0, -8.0]]
    assert affine.first == Affine.of(0.5, 0)


def test_a_scale_counts_as_the_float32_that_a_file_holds() -> None:
    one = np.array([1], np.int8)
    assert Affine.of(0.1, 0).decode(one)[0] == float(np.float32(0.1))


@pytest.mark.parametrize(
    ("name", "lowest", "highest"), [("int8", -128, 127), ("uint8", 0, 255), ("int16", -32768, 32767)]
)
def test_a_type_has_the_ends_that_numpy_knows(name: str, lowest: int, highest: int) -> None:
    codes = IntegerType.named(name)
    assert (codes.name, codes.lowest, codes.highest) == (name, lowest, highest)


def test_what_is_no_type_of_integers_has_no_codes() -> None:
    with pytest.raises(ValueError, match="integer"):
        IntegerType.named("float32")


@given(st.lists(st.integers(0, 65535), min_size=1), st.floats(2**-20, 2**10, width=32), st.integers(0, 65535))
def test_codes_come_back_from_what_they_stand_for(codes: list[int], scale: float, zero_point: int) -> None:
    affine = Affine.of(scale, zero_point)
    stored: NDArray[np.uint16] = np.array(codes, np.uint16)
    assert np.array_equal(affine.encode(affine.decode(stored), UINT16), stored)
    assert affine.real(codes[0]) == affine.decode(stored)[0]


def test_a_part_along_the_axis_has_the_pairs_of_its_indices() -> None:
    affine = Affine.along(0, [1.0, 0.5, 0.25], [0, 1, 2])
    codes = np.array([[4], [5], [6]], np.int8)
    parts = [affine.part(slice(i, i + 1)).decode(codes[i : i + 1]) for i in range(3)]
    assert np.array_equal(np.concatenate(parts), affine.decode(codes))
    assert Affine.of(0.5, 3).part(slice(1, 2)) == Affine.of(0.5, 3)


def test_one_pair_along_an_axis_is_one_for_the_whole_tensor() -> None:
    assert Affine.along(3, [0.25]) == Affine.of(0.25, 0)
    assert not Affine.along(3, [0.25]).per_channel


def test_a_scale_is_a_number_that_files_can_hold() -> None:
    for affine in (Affine.of(0.1, 0), Affine.along(0, [0.1, 0.2])):
        assert affine.scale == float(np.float32(0.1))


def test_equal_numbers_are_equal_and_may_be_keys() -> None:
    assert {Affine.of(0.1, 3): "found"}[Affine.of(float(np.float32(0.1)), 3)] == "found"

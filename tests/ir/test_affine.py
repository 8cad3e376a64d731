"""Integers and the real numbers that they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.ir.affine import INT8, INT16, UINT8, UINT16, Affine, IntegerType


@pytest.mark.parametrize(
    ("codes", "name", "lowest", "highest"),
    [
        (INT8, "int8", -128, 127),
        (UINT8, "uint8", 0, 255),
        (INT16, "int16", -32768, 32767),
        (UINT16, "uint16", 0, 65535),
    ],
)
def test_a_type_of_codes_has_the_limits_of_its_arrays(codes: IntegerType, name: str, lowest: int, highest: int) -> None:
    assert (codes.name, codes.lowest, codes.highest) == (name, lowest, highest)
    limits = np.iinfo(codes.dtype)
    assert (limits.min, limits.max) == (lowest, highest)


def test_reals_are_rounded_to_the_nearest_code_half_ones_to_the_even_one_and_saturate() -> None:
    affine = Affine.of(0.5, 10)
    assert affine.encode([0.0, 0.25, 0.75, -0.25, 1.1, 1e6, -1e6], INT8).tolist() == [10, 10, 12, 10, 12, 127, -128]
    assert affine.decode(np.array([10, 12, -128], np.int8)).tolist() == [0.0, 1.0, -69.0]


def test_each_index_along_an_axis_has_a_pair_of_its_own() -> None:
    affine = Affine.along(1, [1.0, 0.5], [0, 100])
    values = np.array([[[3.0], [3.0]], [[-4.0], [-4.0]]])
    codes = affine.encode(values, UINT8)
    assert codes.tolist() == [[[3], [106]], [[0], [92]]]
    assert affine.decode(codes).tolist() == [[[3.0], [3.0]], [[0.0], [-4.0]]]


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

"""Which scale and zero point hold an interval, or a constant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpuconv.ir.affine import INT8, INT16, UINT8, UINT16, Affine, IntegerType
from dlpuconv.network import Range
from dlpuconv.quantization.scales.choice import covering, holding, next_powers_of_two, range_of, reach
from dlpuconv.scheme import Coding

if TYPE_CHECKING:
    import numpy.typing as npt

FINITE = st.floats(-1e6, 1e6, allow_nan=False, width=32)
TYPES = st.sampled_from([INT8, UINT8, INT16, UINT16])
CODINGS = st.builds(Coding, type=TYPES, symmetric=st.booleans(), power_of_two=st.booleans())
PLAIN = Coding()


@pytest.mark.parametrize(
    ("type_", "values", "expected"),
    [
        (INT8, Range(0.0, 255.0), Affine.of(1.0, -128)),
        (UINT8, Range(0.0, 255.0), Affine.of(1.0, 0)),
        (UINT8, Range(-127.5, 127.5), Affine.of(1.0, 128)),  # 127.5 is rounded to the even one
        (INT16, Range(0.0, 65535.0), Affine.of(1.0, -32768)),
        (UINT16, Range(-32768.0, 32767.0), Affine.of(1.0, 32768)),
    ],
)
def test_as_many_real_values_as_there_are_steps_get_a_scale_of_one(
    type_: IntegerType, values: Range, expected: Affine
) -> None:
    assert covering(values, Coding(type=type_)) == expected


@pytest.mark.parametrize(("type_", "middle"), [(INT8, 0), (UINT8, 128), (INT16, 0), (UINT16, 32768)])
def test_symmetric_codes_have_zero_in_the_middle_and_as_many_steps_on_each_side(
    type_: IntegerType, middle: int
) -> None:
    coding = Coding(type=type_, symmetric=True)
    assert (coding.lowest, coding.middle, coding.highest) == (type_.lowest + 1, middle, type_.highest)
    found = covering(Range(-1.0, (coding.highest - middle) * 0.5), coding)
    assert found == Affine.of(0.5, middle)
    assert covering(Range(-(coding.highest - middle) * 0.5, 0.0), coding) == found


def test_seven_bits_are_left_of_a_type_whose_range_is_reduced() -> None:
    signed, unsigned = (Coding(type=t, symmetric=True, reduce_range=True) for t in (INT8, UINT8))
    assert (signed.lowest, signed.middle, signed.highest) == (-63, 0, 63)
    assert (unsigned.lowest, unsigned.middle, unsigned.highest) == (1, 64, 127)
    assert covering(Range(-6.3, 0.0), signed).scale == pytest.approx(0.1)


@pytest.mark.parametrize(("high", "scale"), [(255.0, 1.0), (256.0, 2.0), (0.5, 2.0**-8), (0.49, 2.0**-9)])
def test_a_power_of_two_is_the_next_one_that_is_not_below(high: float, scale: float) -> None:
    # 256 / 255 is more than 1; 0.5 / 255 is more than 2^-9 = 0.498 / 255
    assert covering(Range(0.0, high), Coding(power_of_two=True)) == Affine.of(scale, -128)


@given(st.floats(1e-30, 1e30))
def test_powers_of_two_are_next_to_what_they_are_for(value: float) -> None:
    found = float(next_powers_of_two(value))
    assert found / 2 < value <= found
    assert float(next_powers_of_two(found)) == found


def test_a_range_above_zero_is_widened_to_hold_zero() -> None:
    assert covering(Range(2.0, 5.1), PLAIN) == Affine.of(float(np.float32(5.1 / 255)), -128)


def test_a_tensor_that_is_always_zero_gets_a_usable_scale() -> None:
    assert covering(Range(0.0, 0.0), PLAIN) == Affine.of(1 / 128, 0)


def test_noise_of_the_float_network_gets_no_scale_that_a_kernel_cannot_multiply_with() -> None:
    assert covering(Range(0.0, 1e-30), PLAIN).scale > 9e-13


@given(FINITE, FINITE, CODINGS)
def test_every_value_of_a_range_comes_back_within_half_a_step_and_zero_exactly(
    a: float, b: float, coding: Coding
) -> None:
    low, high = min(a, b), max(a, b)
    affine = covering(Range(low, high), coding)
    values = np.linspace(low, high, 17)
    back = affine.decode(affine.encode(values, coding.type))
    # float32 scales are off by 2^-24 of themselves, which of 2^16 steps is 2^-8 of one
    assert np.abs(back - values).max() <= affine.scale * 0.505
    assert affine.encode(np.zeros(1), coding.type)[0] == affine.zero_point
    assert coding.lowest <= affine.zero_point <= coding.highest
    assert not coding.symmetric or affine.zero_point == coding.middle
    assert not coding.power_of_two or np.frexp(affine.scale)[0] == 0.5


@given(FINITE, FINITE, CODINGS)
def test_codes_come_back_as_they_were(a: float, b: float, coding: Coding) -> None:
    affine = covering(Range(min(a, b), max(a, b)), coding)
    codes = np.linspace(coding.type.lowest, coding.type.highest, 256).astype(coding.type.dtype)
    assert np.array_equal(affine.encode(affine.decode(codes), coding.type), codes)


@given(FINITE, FINITE, TYPES)
def test_reach_is_the_largest_distance_of_a_code_from_the_zero_point(a: float, b: float, codes: IntegerType) -> None:
    affine = covering(Range(min(a, b), max(a, b)), Coding(type=codes))
    assert reach(affine, codes) == np.abs(np.arange(codes.lowest, codes.highest + 1) - affine.zero_point).max()


def test_a_range_ends_at_the_outermost_codes() -> None:
    assert range_of(Affine.of(0.5, -28), INT8) == Range(-50.0, 77.5)


def codes_and_error(values: npt.NDArray[Any], coding: Coding = PLAIN) -> tuple[Affine, float]:
    affine = holding(values, coding)
    return affine, float(np.abs(affine.decode(affine.encode(values, coding.type)) - values).max())


def test_a_grid_of_cell_centers_is_held_exactly() -> None:
    # a detector's grid: (i - 0.5) * stride / size for 80 cells
    grid = ((np.arange(80) - 0.5) * 8 / 640).astype(np.float32)
    for codes in (INT8, UINT8):
        affine, error = codes_and_error(grid, Coding(type=codes))
        assert affine.scale == np.float32(0.5 * 8 / 640)
        assert error < 1e-6


def test_a_single_number_is_held_exactly() -> None:
    for value in (0.1, -3.7, 640.0):
        assert codes_and_error(np.array([value]))[1] < 1e-6 * abs(value)


def test_numbers_that_are_no_multiples_of_one_step_are_covered() -> None:
    assert holding(np.array([0.1, 0.15, 0.77]), PLAIN) == covering(Range(0.0, 0.77), PLAIN)


def test_a_grid_of_more_steps_than_there_are_is_covered() -> None:
    assert holding(np.arange(300.0), PLAIN) == covering(Range(0.0, 299.0), PLAIN)
    assert codes_and_error(np.arange(300.0), Coding(type=INT16))[1] < 1e-4


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=40), CODINGS)
def test_any_constant_is_held_within_half_a_step(values: list[float], coding: Coding) -> None:
    affine, error = codes_and_error(np.array(values), coding)
    assert error <= affine.scale * 0.515  # exact ones are taken for multiples of a step that is off by a hundredth
    assert coding.lowest <= affine.zero_point <= coding.highest

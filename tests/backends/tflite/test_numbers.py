from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlpuconv_backends.tflite.numbers import Parameters, Range

FINITE = st.floats(-1e6, 1e6, allow_nan=False, width=32)


def test_a_range_of_0_to_255_gets_a_scale_of_one() -> None:
    assert Parameters.covering(Range(0.0, 255.0)) == Parameters(1.0, -128)


def test_a_range_above_zero_is_widened_to_hold_zero() -> None:
    assert Parameters.covering(Range(2.0, 5.1)) == Parameters(float(np.float32(5.1 / 255)), -128)


def test_a_tensor_that_is_always_zero_gets_a_usable_scale() -> None:
    assert Parameters.covering(Range(0.0, 0.0)) == Parameters(1 / 128, 0)


def test_noise_of_the_float_network_gets_no_scale_that_a_kernel_cannot_multiply_with() -> None:
    assert Parameters.covering(Range(0.0, 1e-30)).scale > 9e-13


@given(FINITE, FINITE)
def test_every_value_of_a_range_comes_back_within_half_a_step_and_zero_exactly(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    parameters = Parameters.covering(Range(low, high))
    values = np.linspace(low, high, 17)
    back = (parameters.quantize(values).astype(np.float64) - parameters.zero_point) * parameters.scale
    # the nudge of the zero point moves both ends by up to half a step
    assert np.abs(back - values).max() <= parameters.scale * 1.001
    assert parameters.quantize(np.zeros(1, np.float32))[0] == parameters.zero_point
    assert -128 <= parameters.zero_point <= 127


@given(FINITE, FINITE)
def test_reach_is_the_largest_distance_of_a_code_from_the_zero_point(a: float, b: float) -> None:
    parameters = Parameters.covering(Range(min(a, b), max(a, b)))
    assert parameters.reach == np.abs(np.arange(-128, 128) - parameters.zero_point).max()


def test_values_clamped_to_bounds_that_they_do_not_touch_collapse_onto_the_nearest_bound() -> None:
    assert Range(-5.0, -2.0).clamped_to(Range(0.0, 6.0)) == Range(0.0, 0.0)


def codes_and_error(values: np.ndarray[Any, Any]) -> tuple[Parameters, float]:
    parameters = Parameters.holding(values)
    back = (parameters.quantize(values).astype(np.float64) - parameters.zero_point) * parameters.scale
    return parameters, float(np.abs(back - values).max())


def test_a_grid_of_cell_centers_is_held_exactly() -> None:
    # a detector's grid: (i - 0.5) * stride / size for 80 cells
    grid = ((np.arange(80) - 0.5) * 8 / 640).astype(np.float32)
    parameters, error = codes_and_error(grid)
    assert parameters.scale == np.float32(0.5 * 8 / 640)
    assert error < 1e-6


def test_a_single_number_is_held_exactly() -> None:
    for value in (0.1, -3.7, 640.0):
        assert codes_and_error(np.array([value]))[1] < 1e-6 * abs(value)


def test_numbers_that_are_no_multiples_of_one_step_are_covered() -> None:
    values = np.array([0.1, 0.15, 0.77])
    assert Parameters.holding(values) == Parameters.covering(Range(0.0, 0.77))


def test_a_grid_of_more_than_256_steps_is_covered() -> None:
    values = np.arange(300.0)
    assert Parameters.holding(values) == Parameters.covering(Range(0.0, 299.0))


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=40))
def test_any_constant_is_held_within_half_a_step(values: list[float]) -> None:
    parameters, error = codes_and_error(np.array(values))
    assert error <= parameters.scale * 1.001
    assert -128 <= parameters.zero_point <= 127

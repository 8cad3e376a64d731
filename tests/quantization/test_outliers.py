from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.quantization.outliers import Spread, without_outliers


def spread(weights: list[float] | np.ndarray[Any, Any], low: float, high: float, zeros: float = 0.0) -> Spread:
    return Spread(low=low, high=high, weights=np.asarray(weights, np.float64), zeros=zeros)


def test_evenly_spread_values_keep_their_whole_range() -> None:
    assert without_outliers(spread(np.ones(2048), -1.0, 1.0), -1.0, 1.0) == (-1.0, 1.0)


def test_a_lone_outlier_saturates_where_that_costs_less_than_coarse_steps() -> None:
    # the minimum of 1e6 (h/255)^2 / 12 + (100 - h)^2 is at h = 43.8; 2 % more error reach to h = 54
    weights = np.zeros(2048)
    weights[:20] = 1e6 / 20
    weights[-1] = 1
    low, high = without_outliers(spread(weights, 0.0, 100.0), 0.0, 100.0)
    assert low == 0.0
    assert 43 < high < 56


def test_outliers_that_carry_most_of_the_signal_are_kept() -> None:
    weights = np.zeros(2048)
    weights[:20] = 50.0
    weights[-20:] = 5.0
    assert without_outliers(spread(weights, 0.0, 100.0), 0.0, 100.0)[1] > 97


def test_exact_zeros_do_not_call_for_finer_steps() -> None:
    weights = np.zeros(2048)
    weights[0] = 1e6
    weights[-1] = 1.0
    assert without_outliers(spread(weights, 0.0, 100.0), 0.0, 100.0)[1] < 60
    assert without_outliers(spread(weights, 0.0, 100.0, zeros=1e6), 0.0, 100.0)[1] == pytest.approx(100.0)


def test_what_no_reader_can_tell_apart_is_not_held() -> None:
    low, high = without_outliers(spread(np.ones(2048), -50.0, 5.0), -3.0, 5.0)
    assert low == -3.0
    assert high == 5.0


def test_a_range_of_one_value_is_left_alone() -> None:
    assert without_outliers(spread(np.zeros(8), 2.0, 2.0), 2.0, 2.0) == (2.0, 2.0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=8, max_size=64), st.floats(-10, 1), st.floats(0.1, 10))
def test_a_chosen_range_lies_within_the_needed_one(weights: list[int], low: float, width: float) -> None:
    found = without_outliers(spread(np.array(weights), low, low + width), low, low + width)
    assert low - 1e-9 <= found[0] <= found[1] <= low + width + 1e-9

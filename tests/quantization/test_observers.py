from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.quantization import Observer
from dlpuconv.quantization.observers import Spread, solve

WITHOUT_PILES = [Observer.MINMAX, Observer.MSE, Observer.ROBUST, Observer.PERCENTILE, Observer.ENTROPY]


def spread(weights: list[float] | np.ndarray[Any, Any], low: float, high: float, zeros: float = 0.0) -> Spread:
    return Spread(low=low, high=high, weights=np.asarray(weights, np.float64), zeros=zeros)


def test_a_percentile_leaves_out_the_rarest_bins_at_both_ends() -> None:
    weights = [1.0, 0.0, 49999.0, 49999.0, 1.0]
    assert solve(Observer.PERCENTILE, spread(weights, -2.0, 3.0), -2.0, 3.0) == (0.0, 2.0)


@pytest.mark.parametrize("observer", WITHOUT_PILES)
def test_evenly_spread_values_keep_their_whole_range(observer: Observer) -> None:
    low, high = solve(observer, spread(np.ones(2048), -1.0, 1.0), -1.0, 1.0)
    assert low == pytest.approx(-1.0, abs=0.02)
    assert high == pytest.approx(1.0, abs=0.02)


def test_the_least_squares_leave_a_lone_outlier_where_that_costs_less_than_coarse_steps() -> None:
    # d/dh [1e6 (h/255)^2 / 12 + (100 - h)^2] = 0 at h = 100 / (1 + 1e6 / (12 * 255^2)) = 43.8
    weights = np.zeros(4096)
    weights[:41] = 1e6 / 41
    weights[-1] = 1
    low, high = solve(Observer.MSE, spread(weights, 0.0, 100.0), 0.0, 100.0)
    assert low == 0.0
    assert high == pytest.approx(43.8, abs=1.0)


def test_the_robust_range_is_the_widest_that_costs_two_percent_more_than_the_least_squares() -> None:
    # E(h) = 1e6 h^2 / (12 * 255^2) + (100 - h)^2 = 1.2815 h^2 + (100 - h)^2 is 5617 at 43.8 and 2 % more at h = 50.8
    weights = np.zeros(2048)
    weights[:20] = 1e6 / 20
    weights[-1] = 1
    low, high = solve(Observer.ROBUST, spread(weights, 0.0, 100.0), 0.0, 100.0)
    assert low == 0.0
    assert high == pytest.approx(50.8, abs=1.0)


def test_outliers_that_carry_most_of_the_signal_are_kept() -> None:
    weights = np.zeros(2048)
    weights[:20] = 50.0
    weights[-20:] = 5.0
    assert solve(Observer.ROBUST, spread(weights, 0.0, 100.0), 0.0, 100.0)[1] > 97


def test_exact_zeros_do_not_call_for_finer_steps() -> None:
    weights = np.zeros(2048)
    weights[0] = 1e6
    weights[-1] = 1.0
    assert solve(Observer.ROBUST, spread(weights, 0.0, 100.0), 0.0, 100.0)[1] < 60
    assert solve(Observer.ROBUST, spread(weights, 0.0, 100.0, zeros=1e6), 0.0, 100.0)[1] == pytest.approx(100.0)


@pytest.mark.parametrize("observer", Observer)
def test_what_no_reader_can_tell_apart_is_not_held(observer: Observer) -> None:
    values = Spread(low=-50.0, high=5.0, weights=np.ones(2048), usual_low=-50.0, usual_high=5.0)
    low, high = solve(observer, values, -3.0, 5.0)
    assert low >= -3.0
    assert high == pytest.approx(5.0, abs=0.05)


@pytest.mark.parametrize("observer", [Observer.MSE, Observer.PERCENTILE])
def test_what_no_reader_can_tell_apart_costs_no_resolution(observer: Observer) -> None:
    """Half of the values lie far below -3: for HARD_SWISH all of them are one value."""
    weights = np.zeros(4000)
    weights[:2000] = 1000.0
    weights[3800:] = 1000.0
    low, high = solve(observer, spread(weights, -95.0, 5.0), -3.0, 5.0)
    assert low == pytest.approx(-3.0, abs=0.2)
    assert high == pytest.approx(5.0, abs=0.2)


def test_the_moving_average_holds_what_samples_usually_reach() -> None:
    values = Spread(low=-9.0, high=90.0, weights=np.ones(64), usual_low=-2.0, usual_high=7.0)
    assert solve(Observer.MOVING_AVERAGE, values, -9.0, 90.0) == (-2.0, 7.0)


def test_entropy_leaves_out_a_thin_tail_and_keeps_a_body() -> None:
    weights = np.full(2048, 1e-3)
    weights[:256] = 1000.0 * np.exp(-np.arange(256) / 20)  # steep: codes of 8 bins would blur it
    low, high = solve(Observer.ENTROPY, spread(weights, 0.0, 8.0), 0.0, 8.0)
    assert low == 0.0
    assert 0.7 < high < 1.5


@pytest.mark.parametrize("observer", Observer)
def test_a_range_of_one_value_is_left_alone(observer: Observer) -> None:
    assert solve(observer, spread(np.zeros(8), 2.0, 2.0), 2.0, 2.0) == (2.0, 2.0)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(list(Observer)),
    st.lists(st.integers(0, 1000), min_size=8, max_size=64),
    st.floats(-10, 1),
    st.floats(0.1, 10),
)
def test_a_chosen_range_lies_within_the_needed_one(
    observer: Observer, weights: list[int], low: float, width: float
) -> None:
    values = Spread(
        low=low, high=low + width, weights=np.array(weights, np.float64), usual_low=low, usual_high=low + width
    )
    found = solve(observer, values, low, low + width)
    assert low - 1e-9 <= found[0] <= found[1] + 1e-9
    assert found[1] <= low + width + 1e-9

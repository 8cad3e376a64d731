from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.quantization.ranges import mse_range, percentile_range


def test_a_percentile_leaves_out_the_rarest_bins_at_both_ends() -> None:
    counts = np.array([1.0, 0.0, 4998.0, 5000.0, 1.0])
    assert percentile_range(counts, -2.0, 3.0, outside=1e-3) == (0.0, 2.0)


def test_evenly_spread_values_keep_their_whole_range() -> None:
    low, high = mse_range(np.ones(4096), -1.0, 1.0)
    assert low == pytest.approx(-1.0, abs=0.02)
    assert high == pytest.approx(1.0, abs=0.02)


def test_a_single_outlier_saturates_where_that_costs_less_than_coarse_steps() -> None:
    # d/dh [1e6 (h/255)^2 / 12 + (100 - h)^2] = 0 at h = 100 / (1 + 1e6 / (12 * 255^2)) = 43.8
    counts = np.zeros(4096)
    counts[:41] = 1e6 / 41
    counts[-1] = 1
    low, high = mse_range(counts, 0.0, 100.0)
    assert low == 0.0
    assert high == pytest.approx(43.8, abs=1.0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=8, max_size=64), st.floats(-10, 0), st.floats(0.1, 10))
def test_a_chosen_range_lies_within_the_observed_one(counts: list[int], low: float, width: float) -> None:
    for solve in (mse_range, percentile_range):
        found = solve(np.array(counts, np.float64), low, low + width)
        assert low - 1e-9 <= found[0] <= found[1] + 1e-9
        assert found[1] <= low + width + 1e-9

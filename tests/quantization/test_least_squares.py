from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.quantization.weights.least_squares import mse_scales


def squared_error(weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]], scale: float) -> float:
    codes = np.clip(np.rint(weights / scale), -127, 127)
    return float(np.square(weights - codes * scale).sum())


def test_weights_that_are_whole_codes_keep_the_scale_of_the_largest() -> None:
    assert mse_scales(np.arange(-127.0, 128.0)[None] / 10)[0] == pytest.approx(0.1)


def test_one_outlier_among_many_weights_saturates() -> None:
    weights = np.concatenate([np.random.default_rng(0).normal(size=20000), [12.0]])[None]
    assert mse_scales(weights)[0] < 0.9 * 12 / 127


def test_a_row_of_zeros_takes_the_scale_of_the_others() -> None:
    assert mse_scales(np.array([[0.0, 0.0], [1.27, 0.01]])).tolist() == pytest.approx([0.01, 0.01])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=50).filter(lambda v: max(map(abs, v)) > 1e-3))
def test_no_scale_is_worse_than_that_of_the_largest_weight(values: list[float]) -> None:
    weights = np.array(values, np.float64)
    plain = squared_error(weights, float(np.abs(weights).max()) / 127)
    assert squared_error(weights, float(mse_scales(weights[None])[0])) <= plain * (1 + 1e-9) + 1e-12

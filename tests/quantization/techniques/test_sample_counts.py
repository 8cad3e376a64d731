from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.quantization.techniques.sample_counts import counts_of


def test_no_sample_has_a_larger_part_than_four_times_the_median() -> None:
    assert counts_of(np.array([1.0, 2.0, 3.0, 8.0, 80.0])).tolist() == [1, 1, 1, 1, 12 / 80]


def test_all_count_the_same_where_most_have_no_error() -> None:
    assert counts_of(np.array([0.0, 0.0, 5.0])).tolist() == [1, 1, 1]


@pytest.mark.parametrize("errors", [[np.inf] * 3, [1.0, np.inf, 1.0], [1.0, np.nan, 1.0]])
def test_all_count_the_same_where_an_error_is_beyond_float32(errors: list[float]) -> None:
    assert counts_of(np.array(errors)).tolist() == [1, 1, 1]

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.quantization.techniques.factors import Magnitudes, solve


def chain(first: list[float], second: list[float]) -> list[Magnitudes]:
    """Two layers with one channel of input and output and `len(first)` between; variables 0.. are those between."""
    count = len(first)
    between = np.arange(count)
    return [
        Magnitudes(largest=np.array(first)[:, None], made=between, read=np.full((count, 1), count)),
        Magnitudes(largest=np.array(second)[None], made=np.array([count + 1]), read=between[None]),
    ]


def bounds(count: int, most: float = np.inf) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array([most] * count + [np.nan, np.nan])


def test_each_channel_gets_the_square_root_of_the_ratio_of_its_ranges() -> None:
    # relative ranges 1, 1/16 before and 1, 1 behind: equation 11 gives factors 1 and 4
    factors = solve(chain([16.0, 1.0], [1.0, 1.0]), bounds(2))
    made = np.array([16.0, 1.0]) * factors[:2]
    read = 1.0 / factors[:2]
    assert made / made.max() == pytest.approx(read / read.max(), rel=1e-2)
    assert factors[1] / factors[0] == pytest.approx(4.0, rel=1e-2)


def test_a_bound_holds() -> None:
    assert solve(chain([16.0, 1.0], [1.0, 1.0]), bounds(2, most=1.5))[1] <= 1.5 + 1e-9


def test_fixed_variables_keep_their_factor() -> None:
    assert solve(chain([16.0, 1.0], [1.0, 1.0]), np.full(4, np.nan)).tolist() == [1.0] * 4


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)), min_size=2, max_size=8))
def test_equalization_never_narrows_the_smallest_relative_range(pairs: list[tuple[float, float]]) -> None:
    first, second = np.array(pairs).T
    factors = solve(chain(first.tolist(), second.tolist()), bounds(len(pairs)))[: len(pairs)]

    def worst(s: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
        made, read = first * s, second / s
        return float(((made / made.max()) * (read / read.max())).min())

    assert worst(factors) >= worst(np.ones(len(pairs))) * 0.98

"""What counts as an output's lowest and highest value."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.verification.extremes import Extremes


@pytest.mark.parametrize(
    ("highs", "expected"),
    [
        ([], None),
        ([3.0], None),
        ([3.0, 1.0], 1.0),
        ([1.0, 93.0, 2.0, 3.0], 3.0),  # one sample lies far outside all others
        ([*range(40)], 36.0),  # four of forty reach it
    ],
)
def test_an_end_is_what_a_tenth_of_the_samples_and_at_least_two_reach(
    highs: list[float], expected: float | None
) -> None:
    found = Extremes()
    for high in highs:
        found.add(np.array([-high, 0.0, high]))
    assert found.span() == (None if expected is None else (-expected, expected))

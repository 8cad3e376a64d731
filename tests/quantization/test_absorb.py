from __future__ import annotations

import numpy as np
import pytest
from dlpuconv.quantization.absorb import absorbed

LOW, HIGH = np.array([-1.0, 0.0, 2.0]), np.array([3.0, 5.0, 10.0])


def test_behind_a_rectifier_what_a_channel_always_holds_moves_less_a_fifth_of_its_range() -> None:
    assert absorbed(LOW, HIGH, rectified=True) == pytest.approx([0.0, 0.0, 2.0 - 0.2 * 8.0])


def test_without_a_rectifier_the_middle_of_each_channel_moves_to_zero() -> None:
    assert absorbed(LOW, HIGH, rectified=False).tolist() == [1.0, 2.5, 6.0]

"""Figures as functions of how often each sample counts."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.benchmarks.metrics import closeness_of


def test_all_outputs_count_the_same_in_a_signal_to_noise_ratio() -> None:
    reference = [np.array([[1.0], [1.0]]), np.array([[20.0, 0.0], [0.0, 20.0]])]
    outputs = [np.array([[1.1], [1.0]]), np.array([[20.0, 0.0], [0.0, 22.0]])]
    measure = closeness_of(reference, outputs)
    # noise in shares of the signal: (.01 + 0) / 2 of the one, (0 + 2) / 400 of the other
    assert measure(np.ones(2)) == pytest.approx(-10 * np.log10(0.005))
    assert measure(np.array([2.0, 0.0])) == pytest.approx(-10 * np.log10((0.01 + 0) / 2))

"""Probabilities of logits, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.ir import ActivationKind, FinalActivation

SIGMOID = FinalActivation(kind=ActivationKind.SIGMOID, output="scores")
SOFTMAX = FinalActivation(kind=ActivationKind.SOFTMAX, output="scores", axis=1)


def test_a_sigmoid_is_one_number_at_a_time_and_never_overflows() -> None:
    logits = np.array([0.0, np.log(3), -np.log(3), 1e4, -1e4], np.float32)
    assert SIGMOID.of(logits) == pytest.approx([0.5, 0.75, 0.25, 1.0, 0.0])


def test_a_softmax_shares_one_among_an_axis_and_never_overflows() -> None:
    logits = np.array([[[0.0, 1e4], [np.log(3), 1e4]]])
    np.testing.assert_allclose(SOFTMAX.of(logits), [[[0.25, 0.5], [0.75, 0.5]]])


def test_a_softmax_of_an_axis_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="axis 1 has no place in 1 axes"):
        SOFTMAX.of(np.zeros(3))


def test_what_a_file_gives_instead_says_so_by_its_name() -> None:
    assert SIGMOID.logits == "scores_logits"

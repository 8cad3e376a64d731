from __future__ import annotations

import numpy as np
from dlpuconv_backends.tflite.bias_correction import mean_shift

from tests.backends.tflite.models import activation
from tests.backends.tflite.networks import conv, depthwise


def test_a_pointwise_layer_moves_by_its_weights_error_times_the_mean_of_what_it_reads() -> None:
    op = conv(activation("x", 1, 4, 4, 2), activation("y", 1, 4, 4, 3), np.zeros((3, 1, 1, 2)), np.zeros(3))
    error = np.array([[0.1, 0.0], [0.0, -0.2], [0.5, 0.25]]).reshape(3, 1, 1, 2)
    # 0.1 * 2;  -0.2 * 4;  0.5 * 2 + 0.25 * 4
    assert np.allclose(mean_shift(op, error, np.array([2.0, 4.0])), [0.2, -0.8, 2.0])


def test_padding_counts_as_zeros_for_the_taps_that_meet_it() -> None:
    op = depthwise(activation("x", 1, 4, 4, 2), activation("y", 1, 4, 4, 2), np.zeros((1, 3, 3, 2)), np.zeros(2))
    error = np.zeros((1, 3, 3, 2))
    error[0, 0, 0] = 1.0, 0.0  # top left: reads the input at 3 of 4 rows and 3 of 4 columns
    error[0, 1, 1] = 0.0, 1.0  # centre: always
    error[0, 1, 2] = 0.0, 1.0  # right: 3 of 4 columns
    assert np.allclose(mean_shift(op, error, np.array([16.0, 8.0])), [9.0, 8.0 + 6.0])


def test_each_group_reads_its_own_channels() -> None:
    op = conv(activation("x", 1, 4, 4, 2), activation("y", 1, 4, 4, 2), np.zeros((2, 1, 1, 1)), np.zeros(2))
    assert np.allclose(mean_shift(op, np.ones((2, 1, 1, 1)), np.array([3.0, 5.0])), [3.0, 5.0])

from __future__ import annotations

import numpy as np

from dlpuconv.quantization.bias import covered_share, expected_shift


def test_the_shift_is_the_weights_error_times_the_mean_input() -> None:
    error = np.array([[[0.5, -1.0]], [[0.0, 2.0]]])  # two outputs, one tap, two inputs
    assert expected_shift(error, np.array([[4.0, 3.0]])).tolist() == [-1.0, 6.0]


def test_outer_taps_read_padding_at_the_border() -> None:
    # four positions, three taps, one padded value at each end: the outer taps miss one position of four
    assert covered_share(extent=4, out=4, kernel=3, stride=1, dilation=1, before=1) == [0.75, 1.0, 0.75]


def test_without_padding_every_tap_reads_the_input() -> None:
    assert covered_share(extent=7, out=3, kernel=3, stride=2, dilation=1, before=0) == [1.0, 1.0, 1.0]

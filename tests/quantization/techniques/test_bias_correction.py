from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.network import Geometry
from dlpuconv.quantization.techniques.bias_correction import mean_shift, tap_shares
from tests.network.numpy_builder import Builder

if TYPE_CHECKING:
    from dlpuconv.network import Layer


def conv(channels: int, *kernel: int, **options: Any) -> Layer:
    b = Builder()
    (node,) = b.network(b.conv("y", b.input("x", 1, 4, 4, channels), np.zeros(kernel), **options)).nodes
    assert node.layer is not None
    return node.layer


def test_a_pointwise_layer_moves_by_its_weights_error_times_the_mean_of_what_it_reads() -> None:
    error = np.array([[0.1, 0.0], [0.0, -0.2], [0.5, 0.25]]).reshape(3, 1, 1, 2)
    # 0.1 * 2;  -0.2 * 4;  0.5 * 2 + 0.25 * 4
    assert np.allclose(mean_shift(conv(2, 3, 1, 1, 2), error, np.array([2.0, 4.0])), [0.2, -0.8, 2.0])


def test_padding_counts_as_zeros_for_the_taps_that_meet_it() -> None:
    error = np.zeros((2, 3, 3, 1))
    error[0, 0, 0] = 1.0  # top left: reads the input at 3 of 4 rows and 3 of 4 columns
    error[1, 1, 1] = 1.0  # centre: always
    error[1, 1, 2] = 1.0  # right: 3 of 4 columns
    assert np.allclose(mean_shift(conv(2, 2, 3, 3, 1), error, np.array([16.0, 8.0])), [9.0, 8.0 + 6.0])


def test_each_group_reads_its_own_channels() -> None:
    assert np.allclose(mean_shift(conv(2, 2, 1, 1, 1), np.ones((2, 1, 1, 1)), np.array([3.0, 5.0])), [3.0, 5.0])
    error = np.arange(8, dtype=np.float64).reshape(4, 1, 1, 2)
    # rows 0, 1 read channels 0, 1 (0 + 10, 20 + 30); rows 2, 3 read channels 2, 3 (400 + 5000, 600 + 7000)
    assert np.allclose(mean_shift(conv(4, 4, 1, 1, 2), error, np.array([1, 10, 100, 1000])), [10, 32, 5400, 7600])


def test_a_dense_layer_that_flattens_reads_each_channel_at_every_position() -> None:
    b = Builder()
    (node,) = b.network(b.dense("y", b.input("x", 1, 2, 2), np.zeros((1, 4)))).nodes
    assert node.layer is not None
    error = np.array([[1.0, 0.0, 0.5, 2.0]])
    assert np.allclose(mean_shift(node.layer, error, np.array([2.0, 3.0])), [2 + 1 + 6])


def test_outer_taps_read_padding_at_the_border() -> None:
    # four positions, three taps, one padded value at each end: the outer taps miss one position of four
    padded = Geometry(stride=(1,), dilation=(1,), before=(1,), extent=(4,), out=(4,))
    assert tap_shares(padded, (3,)).tolist() == [0.75, 1.0, 0.75]
    bare = Geometry(stride=(2,), dilation=(1,), before=(0,), extent=(7,), out=(3,))
    assert tap_shares(bare, (3,)).tolist() == [1.0, 1.0, 1.0]


def test_each_output_of_a_transposed_layer_is_met_by_one_tap_in_stride() -> None:
    assert tap_shares(conv(1, 1, 4, 4, 1, stride=2, transposed=True).geometry, (4, 4)).tolist() == [[0.25] * 4] * 4  # type: ignore[arg-type]

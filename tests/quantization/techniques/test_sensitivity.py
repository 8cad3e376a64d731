from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.quantization.techniques.sensitivity import sensitivities
from tests.network.numpy_builder import Builder
from tests.quantization.support import measured, samples

if TYPE_CHECKING:
    import numpy.typing as npt

    from tests.network.numpy_network import NumpyNetwork


def heard(network: NumpyNetwork) -> dict[str, npt.NDArray[Any]]:
    """By name, in units of the one output's power: noise there by noise of power 1."""
    details = measured(network, samples(network, 8))
    power = details.channels[network.outputs[0].name][:, 3].sum()
    return {value.name: found * power for value, found in sensitivities(network, details).items()}


def test_an_output_hears_its_own_noise_beside_its_power() -> None:
    b = Builder()
    assert heard(b.network(b.curve("y", b.input("x", 1, 4, 4, 3), "relu")))["y"] == pytest.approx([1.0, 1.0, 1.0])


def test_a_layer_passes_noise_on_by_the_squares_of_its_weights() -> None:
    b = Builder()
    y = b.conv("y", b.input("x", 1, 4, 4, 2), [[[[1.0, 2.0]]], [[[3.0, 0.5]]], [[[0.0, 1.0]]]])
    assert heard(b.network(y))["x"] == pytest.approx([1.0 + 9.0, 4.0 + 0.25 + 1.0])


def test_a_depthwise_kernel_adds_up_the_squares_of_its_taps() -> None:
    b = Builder()
    y = b.conv("y", b.input("x", 1, 6, 6, 2), np.reshape([[1.0] * 9, [2.0] * 9], (2, 3, 3, 1)))
    assert heard(b.network(y))["x"] == pytest.approx([9.0, 36.0])


def test_of_a_transposed_layer_each_output_reads_a_part_of_the_taps() -> None:
    b = Builder()
    y = b.conv("y", b.input("x", 1, 4, 4, 1), np.ones((1, 2, 2, 1)), stride=2, transposed=True)
    assert heard(b.network(y))["x"] == pytest.approx([1.0])


def test_a_dense_layer_that_flattens_adds_up_over_positions() -> None:
    b = Builder()
    y = b.dense("y", b.input("x", 1, 1, 2, 2), [[1.0, 2.0, 3.0, 4.0]])
    assert heard(b.network(y))["x"] == pytest.approx([1.0 + 9.0, 4.0 + 16.0])


def test_a_sum_hears_both_of_its_operands_and_one_value_is_heard_by_all_its_readers() -> None:
    b = Builder()
    x = b.input("x", 1, 4, 4, 1)
    a = b.conv("a", x, [[[[2.0]]]])
    found = heard(b.network(b.sum("y", a, x)))
    assert (found["a"][0], found["x"][0]) == pytest.approx((1.0, 1.0 + 4.0))


def test_a_mean_of_sixteen_hears_a_sixteenth() -> None:
    b = Builder()
    assert heard(b.network(b.mean("y", b.input("x", 1, 4, 4, 2))))["x"] == pytest.approx([1 / 16, 1 / 16])


def test_parts_hear_what_their_channels_of_the_whole_do() -> None:
    b = Builder()
    one, other = b.input("one", 1, 2, 2, 1), b.input("other", 1, 2, 2, 2)
    y = b.conv("y", b.concat("c", [one, other], 3), [[[[1.0, 2.0, 3.0]]]])
    found = heard(b.network(y))
    assert (*found["one"], *found["other"]) == pytest.approx((1.0, 4.0, 9.0))


def test_a_product_with_a_constant_magnifies_noise_by_its_square() -> None:
    b = Builder()
    y = b.product("y", b.input("x", 1, 4, 4, 2), [3.0, 0.5])
    assert heard(b.network(y))["x"] == pytest.approx([9.0, 0.25], rel=1e-5)


def test_what_only_another_channel_reads_is_heard_through_all_layers_between() -> None:
    b = Builder()
    a = b.conv("a", b.input("x", 1, 4, 4, 2), [[[[2.0, 0.0]]], [[[0.0, 5.0]]]], function="relu")
    y = b.conv("y", a, [[[[3.0, 0.0]]]])
    found = heard(b.network(y))
    assert found["a"] == pytest.approx([9.0, 0.0])
    assert found["x"] == pytest.approx([36.0, 0.0])

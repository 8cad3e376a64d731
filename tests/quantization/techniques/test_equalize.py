from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

from dlpuconv.quantization.recipe import Balance
from dlpuconv.quantization.techniques.equalize import Equalized, equalize
from tests.network.numpy_builder import Builder
from tests.quantization.support import measured, outputs, samples, sqnr_db
from tests.quantization.techniques.networks import bias, separable, weights

if TYPE_CHECKING:
    from tests.network.numpy_network import NumpyNetwork

FIRST = np.array([[0.01, 0.02], [0.5, 0.25], [1.0, 0.5], [0.003, 0.001]])
MIDDLE = np.random.default_rng(1).random((4, 3, 3, 1)) * np.reshape([4.0, 0.2, 0.05, 9.0], (4, 1, 1, 1))
LAST = np.array([[40.0, 1.0, 2.0, 30.0], [-20.0, -2.0, 1.0, 10.0]])


def unbalanced(first_bias: Any = (0.0, 0.0, 0.0, 0.0)) -> NumpyNetwork:
    return separable(FIRST, np.array(first_bias), MIDDLE, LAST)


def spread(ranges: npt.NDArray[Any]) -> float:
    """How many times the largest range is the smallest."""
    return float(ranges.max() / ranges.min())


def equalized(network: NumpyNetwork, count: int = 40) -> Equalized:
    return equalize(network, measured(network, samples(network, count)))


def test_the_float_function_stays_and_the_ranges_of_channels_become_alike() -> None:
    network = unbalanced()
    made = equalized(network)
    for feed in samples(network, 8, seed=5):
        assert sqnr_db(outputs(network, feed)[0], outputs(made.network, feed)[0]) >= 100.0
    assert made.scaled == 8
    for index in (0, 1):
        before, after = (spread(np.abs(weights(n, index)).max(axis=(1, 2, 3))) for n in (network, made.network))
        assert after < before / 4


def test_by_noise_the_float_function_stays_and_the_clip_keeps_its_margin() -> None:
    network = unbalanced((7.0, 0.0, 0.0, 0.0))
    feeds = samples(network, 40)
    made = equalize(network, measured(network, feeds), Balance.NOISE)
    for feed in feeds[:8]:
        assert sqnr_db(outputs(network, feed)[0], outputs(made.network, feed)[0]) >= 100.0
    assert made.factors["a"][0] == 1.0, "it was at the clip"
    assert (measured(made.network, feeds).channels["a"][1:, 1] <= 0.9 * 6.0 * 1.001).all()


def test_by_noise_a_faint_channel_that_is_heard_well_is_lifted() -> None:
    b = Builder()
    a = b.conv("a", b.input("x", 1, 4, 4, 1), [[[[1.0]]], [[[1.0]]], [[[0.01]]]], np.zeros(3))
    network = b.network(b.conv("y", a, [[[[1.0, 1.0, 100.0]]]], np.zeros(1)))
    factors = equalize(network, measured(network, samples(network, 8)), Balance.NOISE).factors["a"]
    assert factors[2] / factors[:2] == pytest.approx([100.0, 100.0], rel=0.05), "three alike channels"


def test_the_given_network_is_not_changed() -> None:
    network = unbalanced()
    before = network.key
    made = equalized(network)
    assert network.key == before
    assert made.network.key != before


def test_a_channel_at_the_clip_keeps_its_factor_and_others_stay_below_it() -> None:
    network = unbalanced((7.0, 0.0, 0.0, 0.0))
    feeds = samples(network, 40)
    made = equalize(network, measured(network, feeds))
    assert made.factors["a"][0] == 1.0
    assert np.array_equal(weights(made.network, 0)[0], weights(network, 0)[0])
    seen = measured(made.network, feeds).channels["a"][:, 1]
    assert seen[0] == 6.0
    assert (seen[1:] <= 0.9 * 6.0 * 1.001).all()
    assert (made.factors["a"][1:] != 1.0).all()


def test_a_channel_that_never_fired_is_silenced_from_32_samples_on() -> None:
    network = unbalanced((0.0, -9.0, 0.0, 0.0))
    few, enough = (equalized(network, count) for count in (31, 32))
    assert few.silenced == 0
    assert weights(few.network, 0)[1].any()
    assert enough.silenced == 2, "the conv's channel, and the depthwise one that reads nothing else"
    assert not weights(enough.network, 0)[1].any()
    assert not weights(enough.network, 1)[1].any()
    assert not weights(enough.network, 2)[..., 1].any()
    assert bias(enough.network, 0)[1] == 0.0
    for feed in samples(network, 4):
        assert sqnr_db(outputs(network, feed)[0], outputs(enough.network, feed)[0]) >= 60.0


def test_made_up_samples_silence_no_channel() -> None:
    network = unbalanced((0.0, -9.0, 0.0, 0.0))
    made = equalize(network, replace(measured(network, samples(network, 40)), evidence=0))
    assert made.silenced == 0
    assert weights(made.network, 0)[1].any()


def test_another_network_of_the_same_activations_is_written_in_the_same_numbers() -> None:
    network = unbalanced((0.1, 0.2, 0.3, 0.4))
    made = equalized(network)
    assert made.likewise(network).key == made.network.key


def test_scaled_statistics_are_those_of_the_equalized_network() -> None:
    network = unbalanced((0.1, 0.2, 0.3, 0.4))
    feeds = samples(network, 10)
    before = measured(network, feeds)
    made = equalize(network, before)
    expected, after = measured(made.network, feeds), before.scaled(made.factors)
    for name, table in expected.channels.items():
        assert np.allclose(after.channels[name], table, rtol=1e-3, atol=1e-5), name


def test_constants_of_a_residual_sum_follow_its_channels() -> None:
    b = Builder()
    a = b.conv("a", b.input("x", 1, 4, 4, 2), [[[[4.0, 1.0]]], [[[0.01, 0.02]]]], np.zeros(2))
    s = b.sum("s", a, [1.0, 0.5])
    network = b.network(b.conv("y", s, [[[[1.0, 1.0]]]], np.zeros(1)))
    feeds = samples(network, 8)
    made = equalize(network, measured(network, feeds))
    assert made.scaled
    for feed in feeds:
        assert np.allclose(outputs(network, feed)[0], outputs(made.network, feed)[0], rtol=1e-5)

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.quantization.techniques.orders import Places, reordered
from tests.network.numpy_builder import Builder
from tests.network.numpy_network import NumpyNetwork
from tests.quantization.support import outputs, samples

CHANNELS = 4


def numbers(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape)


def residual() -> NumpyNetwork:
    """A sum of two convolutions, a curve, a depthwise layer, and a dense one that flattens."""
    b = Builder()
    x = b.input("x", 1, 3, 3, 2)
    one = b.conv("one", x, numbers(CHANNELS, 1, 1, 2), numbers(CHANNELS))
    two = b.conv("two", x, numbers(CHANNELS, 3, 3, 2), numbers(CHANNELS), function="relu")
    total = b.sum("biased", b.sum("sum", one, two), numbers(CHANNELS))
    gated = b.product("gated", total, b.curve("gate", total, "sigmoid"))
    deep = b.conv("deep", gated, numbers(CHANNELS, 3, 3, 1), numbers(CHANNELS))
    joined = b.concat("joined", [deep, total], 3)
    return b.network(b.dense("y", b.reshape("flat", joined, 1, 72), numbers(3, 72)))


def value(network: NumpyNetwork, name: str) -> Any:
    return next(v for v in network.values() if v.name == name)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(CHANNELS)), st.sampled_from(["one", "two", "deep", "gate"]))
def test_neighbours_take_up_any_order_of_channels(order: list[int], name: str) -> None:
    network = residual()
    moved = Places.of(network).moved(value(network, name), np.array(order))
    assert moved is not None
    feed = samples(network, 1)[0]
    assert np.allclose(outputs(reordered(network, moved), feed)[0], outputs(network, feed)[0], rtol=1e-4, atol=1e-4)


def test_what_is_joined_moves_within_its_part() -> None:
    network = residual()
    moved = Places.of(network).moved(value(network, "one"), np.array([3, 0, 1, 2]))
    assert moved is not None
    assert moved[value(network, "joined")].tolist() == [3, 0, 1, 2, 7, 4, 5, 6]
    assert value(network, "x") not in moved


@pytest.mark.parametrize("name", ["x", "y"])
def test_the_ends_of_a_network_keep_their_order(name: str) -> None:
    network = residual()
    end = value(network, name)
    assert Places.of(network).moved(end, np.roll(np.arange(end.channels), 1)) is None


def test_what_moves_channels_elsewhere_keeps_their_order() -> None:
    b = Builder()
    a = b.conv("a", b.input("x", 1, 2, 2, 2), numbers(4, 1, 1, 2))
    network = b.network(b.conv("y", b.transpose("t", a, 0, 3, 1, 2), numbers(2, 1, 1, 2)))
    assert Places.of(network).moved(value(network, "a"), np.array([1, 0, 2, 3])) is None


def test_channels_that_share_a_place_keep_it() -> None:
    b = Builder()
    a = b.conv("a", b.input("x", 1, 2, 2, 2), numbers(4, 1, 1, 2))
    network = b.network(b.dense("y", b.reshape("r", a, 1, 2, 4, 2), numbers(2, 2)))
    assert Places.of(network).moved(value(network, "a"), np.array([1, 0, 2, 3])) is None

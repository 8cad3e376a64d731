from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.quantization.statistics.channels import Details
from dlpuconv.quantization.techniques.channels import map_channels
from dlpuconv.quantization.techniques.noise import Noise
from dlpuconv.scheme import Granularity
from tests.network.numpy_builder import Builder

if TYPE_CHECKING:
    import numpy.typing as npt

TABLES = {
    "x": np.array([[0.0, 1.0, 0.5, 0.25]]),
    "a": np.array([[0.0, 255.0, 1.0, 4.0], [0.0, 51.0, 1.0, 1.0]]),
    "y": np.array([[0.0, 1.0, 0.5, 8.0]]),
}


def two_layers(weights: Granularity = Granularity.PER_TENSOR) -> tuple[Noise, int, npt.NDArray[np.intp]]:
    """X -> conv -> a of two channels -> conv -> y, one pixel each: noise, number of variables, those of a."""
    b = Builder()
    a = b.conv("a", b.input("x", 1, 1, 1, 1), [[[[127.0]]], [[[12.7]]]], [0.0, 0.0])
    network = b.network(b.conv("y", a, [[[[2.0, 12.7]]]], [0.0]))
    channels = map_channels(network)
    noise = Noise.of(network, channels, Details(channels=TABLES, evidence=1), {}, weights)
    return noise, channels.fixed.size, channels.of[a]


def by_hand(factor: float, *, by_row: bool = False) -> float:
    """Of both layers, where the second channel of a has this factor."""
    x = (1 / 255) ** 2 / 12  # a step of x
    largest = max(127.0, 12.7 * factor)
    rows = (127.0, 12.7 * factor) if by_row else (largest, largest)
    own = ((rows[0] / 127) ** 2 + (rows[1] / 127 / factor) ** 2) / 12 * 0.25
    first = ((127.0**2 + 12.7**2) * x + own) / (4.0 + 1.0)
    step = max(255.0, 51.0 * factor) / 255
    read = step**2 / 12 * (2.0**2 + 12.7**2 / factor**2)
    own = (max(2.0, 12.7 / factor) / 127) ** 2 / 12 * (4.0 + factor**2)
    return first + (read + own) / 8.0


@pytest.mark.parametrize("weights", [Granularity.PER_TENSOR, Granularity.PER_CHANNEL])
@pytest.mark.parametrize("factor", [1.0, 2.0, 5.0, 20.0])
def test_the_noise_of_activations_and_weights_is_that_of_a_calculation_by_hand(
    factor: float, weights: Granularity
) -> None:
    noise, count, ids = two_layers(weights)
    factors = np.ones(count)
    factors[ids[1]] = factor
    assert noise(factors) == pytest.approx(by_hand(factor, by_row=weights is Granularity.PER_CHANNEL))


def test_only_what_depends_on_a_variable_is_near_it_and_differences_are_the_same() -> None:
    whole, count, ids = two_layers()
    factors = np.ones(count)
    factors[ids[1]] = 5.0
    near = whole.near(ids[1:])
    assert near(np.ones(count)) < whole(np.ones(count))
    assert near(np.ones(count)) - near(factors) == pytest.approx(whole(np.ones(count)) - whole(factors))


def test_noise_in_front_of_a_gate_arrives_as_much_as_values_do() -> None:
    b = Builder()
    a = b.conv("a", b.input("x", 1, 1, 1, 1), [[[[1.0]]]], [0.0])
    network = b.network(b.conv("y", a, [[[[1.0]]]], [0.0]))
    channels = map_channels(network)
    tables = {"a": np.array([[0.0, 255.0, 0.0, 4.0]]), "g": np.array([[0.0, 1.0, 0.0, 1.0]]), "y": np.ones((1, 4))}
    details, ones = Details(channels=tables, evidence=1), np.ones(channels.fixed.size)
    weights = (1 / 127) ** 2 / 12 * 4.0
    assert Noise.of(network, channels, details, {})(ones) == pytest.approx(1 / 12 + weights)
    assert Noise.of(network, channels, details, {"a": "g"})(ones) == pytest.approx(1 / 12 / 4 + weights)

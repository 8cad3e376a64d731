"""What rounding weights costs, as predicted, beside what comes of another number in the place of each weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.network import Constants
from dlpuconv.quantization.techniques.channels import layer_channels, map_channels
from dlpuconv.quantization.techniques.factors import Magnitudes
from dlpuconv.quantization.techniques.noise_factors import Slopes
from dlpuconv.quantization.techniques.noise_sources import noise_sources
from tests.network.numpy_builder import Builder
from tests.quantization.support import measured, outputs, samples

if TYPE_CHECKING:
    from dlpuconv.network import Node
    from tests.network.numpy_network import NumpyNetwork

SHAPES: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "plain": ((3, 3, 3, 4), {}),
    "with strides": ((3, 3, 3, 4), {"stride": 2}),
    "depthwise, two of each": ((8, 3, 3, 1), {}),
    "transposed": ((3, 2, 2, 4), {"transposed": True, "stride": 2}),
}


def layer(shape: tuple[int, ...], **more: Any) -> NumpyNetwork:
    b = Builder()
    weights = np.random.default_rng(0).uniform(-1, 1, shape)
    weights.flat[0] = 1.27  # steps of a hundredth
    x = b.input("x", 1, 7, 7, 4)
    return b.network(b.conv("y", x, weights, padded=False, **more))


def weights_of(node: Node) -> Any:
    assert node.layer is not None
    return node.layer.weights


def by_trial(network: NumpyNetwork) -> float:
    """Noise beside signal, summed over weights that are off by a twelfth of a squared step, one at a time."""
    (node,) = network.nodes
    weights, feeds = weights_of(node), samples(network, 3, low=-1.0)
    exact = np.array([outputs(network, feed)[0] for feed in feeds])
    noise = 0.0
    for index in range(weights.size):
        other = weights.copy()
        other.flat[index] += 0.01 / np.sqrt(12)
        changed = network.with_constants({node: Constants(weights=other)})
        noise += float(np.square([outputs(changed, feed)[0] for feed in feeds] - exact).sum())
    return noise / float(np.square(exact).sum())


@pytest.mark.parametrize(("shape", "more"), SHAPES.values(), ids=SHAPES)
def test_rounded_weights_cost_what_weights_that_are_off_do(shape: tuple[int, ...], more: dict[str, Any]) -> None:
    network = layer(shape, **more)
    (node,) = network.nodes
    channels = map_channels(network)
    made, read = layer_channels(node, channels)
    largest = np.abs(weights_of(node)).max(axis=(1, 2)).astype(np.float64)
    views = {node: Magnitudes(largest=largest, made=made, read=read)}
    *_, weights = noise_sources(network, channels, measured(network, samples(network, 3, low=-1.0)), views)
    ones = np.ones(channels.fixed.size)
    assert weights.noise(ones, Slopes.none(ones.size)) == pytest.approx(by_trial(network), rel=0.15)

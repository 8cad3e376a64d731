"""Networks that give, on synthetic samples, the moments of real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.ir.moments import Moments, NodeMoments, moments_of_nodes
from dlpuconv.quantization.techniques.moments import moments_of_layers, with_moments
from tests.passes.rewriting import floats, model, random
from tests.quantization.support import measured, outputs, samples
from tests.quantization.techniques.networks import separable

if TYPE_CHECKING:
    from tests.network.numpy_network import NumpyNetwork

LAST = np.array([[1.0, -1.0, 0.5, 2.0]])
BIAS = (0.1, 0.2, 0.0, 0.3)


def network(bias: tuple[float, ...] = BIAS) -> NumpyNetwork:
    """No activation of the last layer, so that its moments can be seen in what it gives."""
    first = np.array([[0.5, 0.2], [-0.3, 0.4], [0.1, 0.1], [0.6, -0.2]])
    return separable(first, np.array(bias), np.random.default_rng(1).random((4, 3, 3, 1)) * 0.3, LAST)


def moments(mean: float, deviation: float) -> Moments:
    return Moments(mean=np.array([mean]), deviation=np.array([deviation]))


def test_a_layer_gives_the_moments_that_are_known_of_it() -> None:
    given = network()
    feeds, before = samples(given, 20), given.key
    made = with_moments(given, {given.nodes[2]: moments(3.0, 0.4)}, feeds)
    assert made is not None
    _, _, mean, square = measured(made, feeds).channels["y"].T
    assert mean == pytest.approx(3.0, abs=1e-3)
    assert np.sqrt(square - mean**2) == pytest.approx(0.4, abs=1e-3)
    assert given.key == before, "the network itself is not changed"
    assert made.nodes[0] is given.nodes[0]
    assert made.outputs == given.outputs


def test_moments_are_those_before_the_activation() -> None:
    """Behind ReLU6: values around 6 with a deviation of 0.1 are half of them clipped, and 6 is the highest.

    The layer's own values are below zero almost everywhere: behind its ReLU6 they would have hardly any moments.
    """
    given = network((-0.6, -0.3, -0.18, -0.5))
    feeds = samples(given, 40)
    known = Moments(mean=np.full(4, 6.0), deviation=np.full(4, 0.1))
    made = with_moments(given, {given.nodes[0]: known}, feeds)
    assert made is not None
    table = measured(made, feeds).channels["a"]
    assert table[:, 1] == pytest.approx(6.0)
    assert table[:, 2] == pytest.approx(6.0 - 0.1 / np.sqrt(2 * np.pi), abs=0.02), "E min(0, N(0, 0.1))"


def test_moments_that_contradict_the_weights_are_not_believed() -> None:
    given = network()
    feeds = samples(given, 20)
    deviation = 100 * float(outputs(given, feeds[0])[0].std())
    assert with_moments(given, {given.nodes[2]: moments(0.0, deviation)}, feeds) is None


def test_a_channel_that_stands_still_is_moved_but_not_stretched() -> None:
    given = network()
    still = [{"x": np.full((1, 4, 4, 2), 0.5, np.float32)}] * 4
    known = Moments(mean=np.array([1.0, 2.0, 3.0, 4.0]), deviation=np.full(4, 0.5))
    made = with_moments(given, {given.nodes[0]: known}, still)
    assert made is not None
    assert measured(made, still).channels["a"][:, 2] == pytest.approx([1, 2, 3, 4], abs=1e-4)


def test_only_layers_that_still_have_the_model_s_bias_are_known() -> None:
    known = Moments(mean=np.zeros(4), deviation=np.ones(4))
    given = network()
    told = {"a": NodeMoments(made=known, bias=np.array(BIAS, np.float32))}
    assert moments_of_layers(given, told) == {given.nodes[0]: known}
    assert moments_of_layers(network((0.6, 0.2, 0.0, 0.3)), told) == {}
    assert moments_of_layers(given, {"d": told["a"]}) == {}


def test_what_a_model_tells_is_kept_by_node_with_the_bias_that_it_was_told_of() -> None:
    source = model(
        "(float[1, 2, 4, 4] x) => (float[1, 4, 4, 4] y) { y = Conv <kernel_shape = [1, 1]> (x, w, b) }",
        w=random(4, 2, 1, 1),
        b=floats(*BIAS),
    )
    (node,) = source.graph.graph
    node.name = "a"
    known = Moments(mean=np.zeros(4), deviation=np.ones(4))
    found = moments_of_nodes(source, {"y": known})
    assert found["a"].made is known
    assert found["a"].bias.tolist() == pytest.approx(BIAS)
    assert moments_of_nodes(source, {"z": known}) == {}

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlpuconv.network import CannotError
from dlpuconv_backends.flatbuffer import Graph
from dlpuconv_backends.tflite.network import TFLiteNetwork
from tests.backends.tflite.models import activation, run
from tests.backends.tflite.networks import RELU, RELU6, conv, depthwise, separable

RANDOM = np.random.default_rng(5)
FEED = {"x": RANDOM.uniform(0, 1, (1, 4, 4, 2)).astype(np.float32)}
FACTORS = np.array([0.5, 1.0, 3.0])


def values(*shape: int) -> Any:
    return RANDOM.uniform(0.1, 1, shape)


def network(function: int = RELU) -> TFLiteNetwork:
    """A convolution of three channels, and a depthwise one that reads it."""
    x, a, y = activation("x", 1, 4, 4, 2), activation("a", 1, 4, 4, 3), activation("y", 1, 4, 4, 3)
    first = conv(x, a, values(3, 1, 1, 2), values(3), function)
    return TFLiteNetwork(Graph([x], [y, a], [first, depthwise(a, y, values(1, 3, 3, 3), values(3))]))


def kinds(edited: TFLiteNetwork) -> list[str]:
    return [op.kind for op in edited.graph.operators]


def test_a_scale_for_channels_becomes_part_of_the_layer_that_makes_them() -> None:
    given = network()
    edited = given.with_channel_scale(given.nodes[0].output, FACTORS)
    assert kinds(edited) == ["CONV_2D", "DEPTHWISE_CONV_2D"]
    assert np.allclose(run(edited.graph, FEED)["a"], run(given.graph, FEED)["a"] * FACTORS, rtol=1e-5)


@pytest.mark.parametrize(("function", "sign"), [(RELU6, 1), (RELU, -1)], ids=["behind a clip", "a sign behind a ReLU"])
def test_it_is_an_operator_of_its_own_where_the_layer_cannot_do_it(function: int, sign: int) -> None:
    given = network(function)
    edited = given.with_channel_scale(given.nodes[0].output, sign * FACTORS)
    assert kinds(edited) == ["CONV_2D", "MUL", "DEPTHWISE_CONV_2D"]
    assert np.allclose(run(edited.graph, FEED)["a"], run(given.graph, FEED)["a"] * sign * FACTORS, rtol=1e-5)
    assert [t.name for t in edited.graph.outputs] == ["y", "a"]


@pytest.mark.parametrize(("channels", "rows"), [([0], [1, 2]), ([1, 2], [1, 2]), ([0, 1], [2, 1])])
def test_the_first_or_the_last_channels_get_a_layer_of_their_own(channels: list[int], rows: list[int]) -> None:
    given = network()
    edited = given.with_split_layer(given.nodes[0], channels)
    assert kinds(edited) == ["CONV_2D", "CONV_2D", "CONCATENATION", "DEPTHWISE_CONV_2D"]
    assert [op.input(1).shape[0] for op in edited.graph.operators[:2]] == rows
    assert np.array_equal(run(edited.graph, FEED)["y"], run(given.graph, FEED)["y"])


def test_what_cannot_be_split_is_refused_by_name() -> None:
    given = network()
    first, second = given.nodes
    for channels in ([1], [0, 2], [], [0, 1, 2]):
        with pytest.raises(CannotError, match="only the first or the last channels of 'a' can be split off"):
            given.with_split_layer(first, channels)
    with pytest.raises(CannotError, match="the groups of 'y' read different channels"):
        given.with_split_layer(second, [0])


def test_a_network_ends_elsewhere_without_what_lies_behind() -> None:
    given = TFLiteNetwork(separable(values(3, 2), values(3), values(1, 3, 3, 3), values(2, 3)))
    edited = given.ending_at([given.nodes[0].output])
    assert kinds(edited) == ["CONV_2D"]
    assert edited.nodes[0] is given.nodes[0]
    with pytest.raises(CannotError, match="'x' is not computed"):
        given.ending_at(given.inputs)
    with pytest.raises(CannotError, match="'x' is not computed"):
        given.with_channel_scale(given.inputs[0], FACTORS[:2])

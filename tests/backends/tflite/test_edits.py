from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.network import CannotError
from dlpuconv_backends.flatbuffer import Graph, Operator
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


def test_a_layer_and_the_depthwise_layer_behind_it_are_made_group_by_group() -> None:
    whole = network()
    given = whole.ending_at([whole.nodes[-1].output])
    edited = given.with_parallel_layers(given.nodes, [1, 2])
    assert kinds(edited) == [*["CONV_2D", "DEPTHWISE_CONV_2D"] * 2, "CONCATENATION"]
    assert [op.input(1).shape[0] for op in edited.graph.operators[:4:2]] == [1, 2]
    assert [op.output.name for op in edited.graph.operators][:2] == ["a/group 1 of 2", "y/group 1 of 2"]
    assert np.allclose(run(edited.graph, FEED)["y"], run(given.graph, FEED)["y"], atol=1e-6)


def test_what_cannot_be_cut_by_channels_is_refused_by_name() -> None:
    given = TFLiteNetwork(separable(values(3, 2), values(3), values(1, 3, 3, 3), values(2, 3)))
    softmax = Operator("SOFTMAX", [given.graph.outputs[0]], [activation("p", 1, 4, 4, 2)], schema.SoftmaxOptionsT())
    behind = TFLiteNetwork(Graph(given.graph.inputs, softmax.outputs, [*given.graph.operators, softmax]))
    with pytest.raises(CannotError, match="'p' is made by a SOFTMAX, which cannot be cut by channels"):
        behind.with_parallel_layers(behind.nodes[-2:], [1, 1])


def test_a_network_ends_elsewhere_without_what_lies_behind() -> None:
    given = TFLiteNetwork(separable(values(3, 2), values(3), values(1, 3, 3, 3), values(2, 3)))
    edited = given.ending_at([given.nodes[0].output])
    assert kinds(edited) == ["CONV_2D"]
    assert edited.nodes[0] is given.nodes[0]
    with pytest.raises(CannotError, match="'x' is not computed"):
        given.ending_at(given.inputs)
    with pytest.raises(CannotError, match="'x' is not computed"):
        given.with_channel_scale(given.inputs[0], FACTORS[:2])

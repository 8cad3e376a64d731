from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.errors import BackendError
from dlpuconv.formats.litert_session import FAST, PLAIN
from dlpuconv.isolation import pool
from dlpuconv.network import Constants
from dlpuconv_backends.flatbuffer import Graph, Operator
from dlpuconv_backends.flatbuffer.loaded import LoadedGraph
from dlpuconv_backends.tflite.network import TFLiteNetwork
from tests.backends.tflite.models import activation, constant, quantized
from tests.backends.tflite.networks import RELU, RELU6, SAME, VALID, conv, depthwise, separable
from tests.isolation.support import count_starts
from tests.network.contract import every_check, every_integer_check, values_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.network import Layer, Network

random = np.random.default_rng(3)


def values(*shape: int) -> Any:
    return random.normal(size=shape).astype(np.float32)


def branches() -> Graph:
    """A convolution in two groups and a depthwise one that widens, joined; a transposed one; a dense layer."""
    x = activation("x", 1, 4, 4, 4)
    a, b, c = activation("a", 1, 4, 4, 6), activation("b", 1, 4, 4, 8), activation("c", 1, 4, 4, 14)
    d, e = activation("d", 1, 8, 8, 3), activation("e", 1, 5)
    widening = depthwise(x, b, values(1, 3, 3, 8), values(8), RELU6)
    widening.options.depthMultiplier = 2
    joined = schema.ConcatenationOptionsT()
    joined.axis = 3
    up = schema.TransposeConvOptionsT()
    up.strideH = up.strideW = 2
    up.padding = SAME
    shape = constant("shape", [1, 8, 8, 3], np.int32)
    dense = schema.FullyConnectedOptionsT()
    operators = [
        conv(x, a, values(6, 3, 3, 2), values(6), RELU),
        widening,
        Operator("CONCATENATION", [a, b], [c], joined, "c"),
        Operator("TRANSPOSE_CONV", [shape, constant("d.w", values(3, 3, 3, 14)), c], [d], up, "d"),
        Operator("FULLY_CONNECTED", [d, constant("e.w", values(5, 192)), constant("e.b", values(5))], [e], dense, "e"),
    ]
    return Graph([x], [e, c], operators)


def of_pixels() -> Graph:
    return separable(values(3, 2), values(3), values(1, 3, 3, 3), values(4, 3))


@pytest.mark.parametrize("make", [of_pixels, branches])
@every_check
def test_a_tflite_graph_keeps_to_the_contract_of_a_network(
    make: Callable[[], Graph], check: Callable[[Network], None]
) -> None:
    check(TFLiteNetwork(make()))


@pytest.mark.parametrize("make", [of_pixels, branches])
@every_integer_check
def test_so_does_its_integer_form(make: Callable[[], Graph], check: Callable[[Network], None]) -> None:
    graph = make()
    samples = [{t.name: random.uniform(0, 1, t.shape).astype(np.float32) for t in graph.inputs} for _ in range(3)]
    check(TFLiteNetwork(quantized(graph, samples).graph))


def layers(graph: Graph) -> list[Layer]:
    return [node.layer for node in TFLiteNetwork(graph).nodes if node.layer is not None]


def test_weights_have_their_output_channel_first_whatever_the_file_does() -> None:
    graph = branches()
    grouped, widening, up, dense = layers(graph)
    assert [layer.weights.shape for layer in (grouped, widening, up, dense) if layer.weights is not None] == [
        (6, 3, 3, 2),
        (8, 3, 3, 1),
        (3, 3, 3, 14),
        (5, 192),
    ]
    assert [layer.groups for layer in (grouped, widening, up, dense)] == [2, 4, 1, 1]
    in_file = graph.operators[1].input(1).data
    assert in_file is not None
    assert widening.weights is not None
    assert np.shares_memory(in_file, widening.weights)
    assert widening.weights[5, 2, 1, 0] == in_file[0, 2, 1, 5]


def test_a_convolution_tells_where_its_taps_read() -> None:
    graph = branches()
    graph.operators[0].options.strideH = 3
    graph.operators[0].options.dilationWFactor = 2
    graph.operators[0].outputs[0].shape = (1, 2, 4, 6)
    geometry = layers(graph)[0].geometry
    assert geometry is not None
    # down: (2 - 1) 3 + 2 + 1 - 4 = 2, half of it in front; across: (4 - 1) + 2 * 2 + 1 - 4 = 4
    assert (geometry.stride, geometry.dilation, geometry.before) == ((3, 1), (1, 2), (1, 2))
    graph.operators[0].options.padding = VALID
    assert (found := layers(graph)[0].geometry) is not None
    assert found.before == (0, 0)


def test_a_transposed_convolution_is_padded_by_what_its_output_lacks() -> None:
    geometry = layers(branches())[2].geometry
    assert geometry is not None
    assert geometry.transposed
    # (4 - 1) 2 + 3 - 8 = 1: rounded down, nothing in front
    assert (geometry.extent, geometry.out, geometry.before) == ((4, 4), (8, 8), (0, 0))


def test_what_is_fused_is_told_of_layers_and_of_others() -> None:
    network = TFLiteNetwork(of_pixels())
    assert [node.clip for node in network.nodes] == [6.0, 6.0, None]
    assert [node.layer.activation.rectifies for node in network.nodes if node.layer] == [True, True, False]
    a, b, y = activation("a", 1, 4), activation("b", 1, 4), activation("y", 1, 4)
    options = schema.AddOptionsT()
    options.fusedActivationFunction = RELU6
    added = TFLiteNetwork(Graph([a, b], [y], [Operator("ADD", [a, b], [y], options)])).nodes[0]
    assert added.clip == 6.0
    assert added.meaning.signs == (1, 1)


def test_a_maximum_with_a_number_is_a_clamp() -> None:
    a, y = activation("a", 1, 4), activation("y", 1, 4)
    operator = Operator("MAXIMUM", [a, constant("c", 0.5)], [y], schema.MaximumMinimumOptionsT())
    clamp = TFLiteNetwork(Graph([a], [y], [operator])).nodes[0].meaning.clamp
    assert clamp is not None
    assert (clamp.low, clamp.high) == (0.5, np.inf)


def test_a_tap_that_is_an_input_is_what_was_fed() -> None:
    network = TFLiteNetwork(of_pixels())
    feed = {"x": values(1, 4, 4, 2)}
    assert np.array_equal(values_of(network, feed, network.inputs)[0], feed["x"])


def test_networks_that_live_at_the_same_time_share_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    pool.end()
    begun = count_starts(monkeypatch)
    network = TFLiteNetwork(of_pixels())
    other = network.with_constants({network.nodes[0]: Constants(bias=np.ones(3, np.float32))})
    feed = {"x": values(1, 4, 4, 2)}
    one, another = network.loaded(network.outputs), other.loaded(other.outputs, plain=True)
    single = network.loaded_one(network.nodes[0])
    assert not np.array_equal(one(feed)[0], another(feed)[0])
    assert np.array_equal(single(feed)[0], values_of(network, feed, [network.nodes[0].output])[0])
    assert len(begun) == 1
    pool.end()


def test_what_the_fast_kernels_refuse_runs_on_the_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    load = LoadedGraph.__init__

    def refusing(self: Any, *given: Any, kernels: Any = PLAIN, **more: Any) -> None:
        if kernels is FAST:
            raise BackendError("no delegate takes this")
        load(self, *given, kernels=kernels, **more)

    monkeypatch.setattr(LoadedGraph, "__init__", refusing)
    network = TFLiteNetwork(of_pixels())
    feed = {"x": values(1, 4, 4, 2)}
    plain, fast = (values_of(network, feed, network.outputs, plain=plain)[0] for plain in (True, False))
    assert np.array_equal(plain, fast)

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from dlpuconv_backends.tflite.blame import blame
from dlpuconv_backends.tflite.injection import Injection
from dlpuconv_backends.tflite.numbers import Range
from dlpuconv_backends.tflite.quantizer import quantize
from dlpuconv_backends.tflite.tuning import Tuned

from dlpuconv.formats.litert_session import LiteRtWorker
from dlpuconv_backends.flatbuffer import Operator, encode
from tests.backends.tflite.models import INT8, PER_CHANNEL, PER_TENSOR, activation, constant, run
from tests.backends.tflite.networks import measured, pixels, separable

if TYPE_CHECKING:
    from dlpuconv_backends.tflite.quantizer import Quantized

    from dlpuconv.quantization import Recipe
    from dlpuconv_backends.flatbuffer import Graph

SAMPLES = pixels(8)
RANDOM = np.random.default_rng(0)


def network(outlier: float = 1.0) -> Graph:
    """Three layers; the middle one's first channel has weights `outlier` times as large and reads next to nothing."""
    middle = RANDOM.uniform(0.05, 0.1, (1, 3, 3, 3))
    middle[..., 0] *= outlier
    last = np.array([[0.2, 1.0, -1.0], [0.1, 0.5, 2.0]])
    return separable(RANDOM.uniform(0.2, 0.5, (3, 2)) * [[1e-6], [1.0], [1.0]], np.zeros(3), middle, last)


def quantized(graph: Graph, recipe: Recipe) -> tuple[Tuned, Quantized]:
    details = measured(graph, SAMPLES)
    ranges = {name: Range(float(t[:, 0].min()), float(t[:, 1].max())) for name, t in details.channels.items()}
    ranges.setdefault("y", Range(-2.0, 3.0))
    tuned = Tuned(graph=graph, ranges=ranges)
    return tuned, quantize(tuned, recipe, INT8)


def test_the_layer_with_an_outlier_is_the_worst_alone_because_of_its_weights() -> None:
    layers, total_db = blame(*quantized(network(100.0), PER_TENSOR), SAMPLES)
    worst = min(layers, key=lambda layer: layer.alone_db or np.inf)
    assert worst.op == "DEPTHWISE_CONV_2D"
    assert worst.weights_share == pytest.approx(1.0, abs=0.1)
    assert worst.facts.weight_imbalance is not None
    assert worst.facts.weight_imbalance > 50
    assert worst.alone_db is not None
    assert worst.alone_db < total_db + 3


def test_with_a_scale_for_each_channel_the_same_layer_is_as_good_as_the_others() -> None:
    per_tensor, _ = blame(*quantized(network(100.0), PER_TENSOR), SAMPLES)
    per_channel, _ = blame(*quantized(network(100.0), PER_CHANNEL), SAMPLES)
    before, after = (next(x for x in layers if x.op == "DEPTHWISE_CONV_2D") for layers in (per_tensor, per_channel))
    assert before.alone_db is not None
    assert after.alone_db is not None
    assert after.alone_db > before.alone_db + 15
    assert after.facts.per_tensor is False


def test_the_error_so_far_of_the_last_layer_is_that_of_the_outputs() -> None:
    layers, total_db = blame(*quantized(network(), PER_TENSOR), SAMPLES)
    assert layers[-1].accumulated_db == pytest.approx(total_db)


def test_labels_beside_the_network_s_values_lose_nothing() -> None:
    graph = network()
    plain, plain_db = blame(*quantized(graph, PER_TENSOR), SAMPLES)
    labels = activation("labels", 1, 4, 4, dtype=np.int64)
    options = schema.ArgMaxOptionsT()
    options.outputType = schema.TensorType.INT64
    graph.operators.append(Operator("ARG_MAX", [graph.outputs[0], constant("axis", 3, np.int32)], [labels], options))
    graph.outputs.append(labels)
    layers, total_db = blame(*quantized(graph, PER_TENSOR), SAMPLES)
    assert total_db == pytest.approx(plain_db)
    assert [layer.alone_db for layer in layers[: len(plain)]] == pytest.approx([layer.alone_db for layer in plain])
    assert [(layer.op, layer.alone_db) for layer in layers[len(plain) :]] == [("ARG_MAX", None)]


def test_a_first_layer_s_own_error_is_its_error_so_far() -> None:
    layers, _ = blame(*quantized(network(), PER_TENSOR), SAMPLES)
    assert layers[0].own_db == pytest.approx(layers[0].accumulated_db)


def test_the_network_is_left_as_it_was_and_every_step_is_told_of() -> None:
    graph, told = network(), []
    tuned, made = quantized(graph, PER_TENSOR)
    before = encode(graph), encode(made.graph)
    blame(tuned, made, SAMPLES, lambda: told.append(1))
    assert (encode(graph), encode(made.graph)) == before
    assert len(told) == len(SAMPLES) * len(made.graph.operators)


def test_an_injected_error_arrives_at_the_output_through_what_lies_between() -> None:
    graph = network()
    activations = [op.output for op in graph.operators]
    injection = Injection(graph, activations, LiteRtWorker())
    exact = injection.values(SAMPLES[0])
    assert np.allclose(exact["y"], run(graph, SAMPLES[0])["y"], atol=1e-6)
    error = np.full(exact["b"].shape, 0.25, np.float32)
    ((expected, found),) = injection.outputs_with({"b": error})
    data = graph.operators[-1].input(1).data
    assert data is not None
    assert np.allclose(found - expected, 0.25 * data.sum(axis=(1, 2, 3)), atol=1e-5)
    ((_, again),) = injection.outputs_with({})
    assert np.array_equal(again, expected), "an error is gone after its run"

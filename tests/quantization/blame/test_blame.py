from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.network import Range
from dlpuconv.quantization.blame.blame import blame
from dlpuconv.quantization.blame.injection import Injection
from dlpuconv.quantization.quantize import quantize
from tests.network.numpy_builder import Builder
from tests.network.numpy_integer import realized
from tests.quantization.support import PER_CHANNEL, PER_TENSOR, SCHEME, outputs, samples
from tests.quantization.techniques.networks import separable, weights
from tests.quantization.techniques.tuned import as_measured

if TYPE_CHECKING:
    from dlpuconv.quantization import Recipe
    from dlpuconv.quantization.blame.result import LayerError
    from tests.network.numpy_network import NumpyNetwork


def network(outlier: float = 1.0) -> NumpyNetwork:
    """Three layers; the middle one's first channel has weights `outlier` times as large and reads next to nothing."""
    random = np.random.default_rng(0)
    middle = random.uniform(0.05, 0.1, (3, 3, 3, 1))
    middle[0] *= outlier
    first = random.uniform(0.2, 0.5, (3, 2)) * [[1e-6], [1.0], [1.0]]
    return separable(first, np.zeros(3), middle, np.array([[0.2, 1.0, -1.0], [0.1, 0.5, 2.0]]))


def blamed(given: NumpyNetwork, recipe: Recipe, told: Any = lambda: None) -> tuple[list[LayerError], float]:
    feeds = samples(given, 8)
    tuned = as_measured(given, feeds)
    made = quantize(tuned, recipe, SCHEME)
    return blame(tuned, made, realized(made), feeds, told)


def test_the_layer_with_an_outlier_is_the_worst_alone_because_of_its_weights() -> None:
    layers, total_db = blamed(network(100.0), PER_TENSOR)
    worst = min(layers, key=lambda layer: layer.alone_db or np.inf)
    assert worst is layers[1]
    assert worst.weights_share == pytest.approx(1.0, abs=0.1)
    assert worst.facts.weight_imbalance is not None
    assert worst.facts.weight_imbalance > 50
    assert worst.alone_db is not None
    assert worst.alone_db < total_db + 3


def test_with_a_scale_for_each_channel_the_same_layer_is_as_good_as_the_others() -> None:
    (_, before, _), (_, after, _) = (blamed(network(100.0), recipe)[0] for recipe in (PER_TENSOR, PER_CHANNEL))
    assert before.alone_db is not None
    assert after.alone_db is not None
    assert after.alone_db > before.alone_db + 15
    assert after.facts.per_tensor is False


def test_the_layer_whose_range_is_too_narrow_is_found_and_said_to_saturate() -> None:
    given = network()
    feeds = samples(given, 8)
    tuned = as_measured(given, feeds)
    damaged = replace(tuned, ranges={**tuned.ranges, "b": Range(0.0, tuned.ranges["b"].high / 3)})
    made = quantize(damaged, PER_CHANNEL, SCHEME)
    layers, _ = blame(damaged, made, realized(made), feeds)
    worst = min(layers, key=lambda layer: layer.alone_db or np.inf)
    assert worst is layers[1]
    assert worst.facts.saturated is not None
    assert worst.facts.saturated > 0.3


def test_the_error_so_far_of_the_last_layer_is_that_of_the_outputs() -> None:
    layers, total_db = blamed(network(), PER_TENSOR)
    assert layers[-1].accumulated_db == pytest.approx(total_db)
    assert layers[0].own_db == pytest.approx(layers[0].accumulated_db), "nothing lies before the first"


def test_a_clamp_that_saturation_does_is_no_error_of_the_layer_in_front_of_it() -> None:
    b = Builder()
    x = b.input("x", 1, 4, 4, 2)
    summed = b.sum("summed", x, b.curve("a", x, "sigmoid"), sign=-1)  # mostly below 0
    layers, total_db = blamed(b.network(b.curve("y", b.curve("clamped", summed, "relu"), "sigmoid")), PER_TENSOR)
    of_sum = next(layer for layer in layers if layer.names.tensor == "summed")
    assert of_sum.own_db is not None
    assert of_sum.own_db > 35
    assert total_db > 35


def test_labels_beside_the_network_s_values_lose_nothing() -> None:
    b = Builder()
    y = b.conv("y", b.input("x", 1, 4, 4, 2), np.random.default_rng(2).random((3, 1, 1, 2)), np.zeros(3))
    plain, with_labels = b.network(y), b.network(y, b.label("labels", y))
    layers, total_db = blamed(with_labels, PER_TENSOR)
    assert [(layer.op, layer.alone_db) for layer in layers[1:]] == [("arg-max", None)]
    assert (layers[0].alone_db, total_db) == pytest.approx((layers[0].alone_db, blamed(plain, PER_TENSOR)[1]))


def test_the_network_is_left_as_it_was_and_every_step_is_told_of() -> None:
    given, told = network(), []
    before = given.key
    blamed(given, PER_TENSOR, lambda: told.append(1))
    assert given.key == before
    assert len(told) == 8 * 3


def test_an_injected_error_arrives_at_the_output_through_what_lies_between() -> None:
    given = network()
    injection = Injection(given, [node.output for node in given.nodes])
    (feed,) = samples(given, 1)
    exact = injection.values(feed)
    assert np.allclose(exact["y"], outputs(given, feed)[0], atol=1e-6)
    error = np.full(exact["b"].shape, 0.25, np.float32)
    ((expected, found),) = injection.outputs_with({"b": error})
    assert np.allclose(found - expected, 0.25 * weights(given, 2).sum(axis=(1, 2, 3)), atol=1e-5)
    ((_, again),) = injection.outputs_with({})
    assert np.array_equal(again, expected), "an error is gone after its run"

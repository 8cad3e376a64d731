"""Graphs that give, on made-up samples, the moments of real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from dlpuconv_backends.tflite.moments import moments_of_layers, with_moments

from dlpuconv.ir.moments import Moments
from dlpuconv_backends.flatbuffer import Graph, encode
from tests.backends.tflite.models import run
from tests.backends.tflite.networks import measured, pixels, separable
from tests.passes.rewriting import floats, model, random

if TYPE_CHECKING:
    from tests.backends.tflite.models import Arrays

LAST = np.array([[1.0, -1.0, 0.5, 2.0]])


def network(bias: tuple[float, ...] = (0.1, 0.2, 0.0, 0.3)) -> Graph:
    """No activation of the last layer, so that its moments can be seen in what it gives."""
    first = np.array([[0.5, 0.2], [-0.3, 0.4], [0.1, 0.1], [0.6, -0.2]])
    middle = np.random.default_rng(1).random((1, 3, 3, 4)) * 0.3
    return separable(first, np.array(bias), middle, LAST)


def moments(mean: float, deviation: float) -> Moments:
    return Moments(mean=np.array([mean]), deviation=np.array([deviation]))


def test_a_layer_gives_the_moments_that_are_known_of_it() -> None:
    graph, samples = network(), pixels(20)
    before = encode(graph)
    last = graph.operators[2]
    made = with_moments(graph, {last: moments(3.0, 0.4)}, samples)
    assert made is not None
    _, _, mean, square = measured(made, samples).channels["y"].T
    assert mean == pytest.approx(3.0, abs=1e-3)
    assert np.sqrt(square - mean**2) == pytest.approx(0.4, abs=1e-3)
    assert encode(graph) == before, "the graph itself is not changed"
    assert made.operators[0] is graph.operators[0]
    assert made.outputs[0] is graph.outputs[0]


def test_moments_are_those_before_the_activation() -> None:
    """Behind RELU6: values around 6 with a deviation of 0.1 are half of them clipped, and 6 is the highest.

    The layer's own values are below zero almost everywhere: behind its RELU6 they would have hardly any moments.
    """
    graph, samples = network(bias=(-0.6, -0.3, -0.18, -0.5)), pixels(40)
    known = Moments(mean=np.full(4, 6.0), deviation=np.full(4, 0.1))
    made = with_moments(graph, {graph.operators[0]: known}, samples)
    assert made is not None
    table = measured(made, samples).channels["a"]
    assert table[:, 1] == pytest.approx(6.0)
    assert table[:, 2] == pytest.approx(6.0 - 0.1 / np.sqrt(2 * np.pi), abs=0.02), "E min(0, N(0, 0.1))"


def test_moments_that_contradict_the_weights_are_not_believed() -> None:
    graph, samples = network(), pixels(20)
    (reference,) = run(graph, samples[0]).values()
    assert with_moments(graph, {graph.operators[2]: moments(0.0, 100 * float(reference.std()))}, samples) is None


def test_a_channel_that_stands_still_is_moved_but_not_stretched() -> None:
    graph, samples = network(), [pixels(1)[0]] * 4
    still: Arrays = {"x": np.full((1, 4, 4, 2), 0.5, np.float32)}
    first = graph.operators[0]
    known = Moments(mean=np.array([1.0, 2.0, 3.0, 4.0]), deviation=np.full(4, 0.5))
    made = with_moments(graph, {first: known}, [still] * len(samples))
    assert made is not None
    assert measured(made, [still]).channels["a"][:, 2] == pytest.approx([1, 2, 3, 4], abs=1e-4)


def test_only_layers_that_still_have_the_model_s_bias_are_known() -> None:
    source = model(
        "(float[1, 2, 4, 4] x) => (float[1, 4, 4, 4] y) { y = Conv <kernel_shape = [1, 1]> (x, w, b) }",
        w=random(4, 2, 1, 1),
        b=floats(0.1, 0.2, 0.0, 0.3),
    )
    (node,) = source.graph.graph
    node.name = "a"
    known = {"y": Moments(mean=np.zeros(4), deviation=np.ones(4))}
    graph = network()
    assert list(moments_of_layers(graph, source, known)) == [graph.operators[0]]
    bias = graph.operators[0].input(2).data
    assert bias is not None
    bias[0] += 0.5
    assert moments_of_layers(graph, source, known) == {}

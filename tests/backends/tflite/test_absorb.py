from __future__ import annotations

import numpy as np
import pytest
from dlpuconv_backends.tflite.absorb import absorb

from dlpuconv_backends.flatbuffer import Graph, encode
from tests.backends.tflite.models import activation, run
from tests.backends.tflite.networks import RELU, RELU6, VALID, conv, depthwise, measured, pixels

SAMPLES = pixels(12)
FIRST = np.array([[1.0, 0.5], [0.25, -0.5], [2.0, 1.0]]).reshape(3, 1, 1, 2)
BIAS = np.array([5.0, -3.0, 0.0])
LAST = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]]).reshape(2, 1, 1, 3)


def network(activation_function: int, last: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = LAST) -> Graph:
    """Conv 1x1 and an activation, conv."""
    x, a, y = activation("x", 1, 4, 4, 2), activation("a", 1, 4, 4, 3), activation("y", 1, 4, 4, 2)
    return Graph([x], [y], [conv(x, a, FIRST, BIAS, activation_function), conv(a, y, last, np.array([0.5, 0.25]))])


@pytest.mark.parametrize("function", [0, RELU])
def test_the_function_stays_and_the_activation_moves_towards_zero(function: int) -> None:
    graph = network(function)
    details = measured(graph, SAMPLES)
    made = absorb(graph, details)
    for sample in pixels(4, seed=9):
        assert np.allclose(run(graph, sample)["y"], run(made.graph, sample)["y"], atol=1e-4)
    assert made.details.range_of("a").width < 0.8 * details.range_of("a").width


def test_moved_statistics_are_those_of_the_new_graph() -> None:
    graph = network(0)
    made = absorb(graph, measured(graph, SAMPLES))
    found, expected = made.details.channels["a"], measured(made.graph, SAMPLES).channels["a"]
    assert np.allclose(found, expected, atol=1e-4)


def test_behind_a_relu_only_the_channel_that_never_comes_near_zero_moves() -> None:
    graph = network(RELU)
    details = measured(graph, SAMPLES)
    shift = absorb(graph, details).shifts["a"]
    low, high = details.channels["a"][0, :2]
    assert shift == pytest.approx([low - 0.2 * (high - low), 0.0, 0.0])
    assert shift[0] > 4.0


def test_nothing_moves_in_front_of_padding_behind_a_clip_or_into_an_output() -> None:
    padded = network(0, np.ones((2, 3, 3, 3)))
    clipped = network(RELU6)
    for graph in (padded, clipped):
        made = absorb(graph, measured(graph, SAMPLES))
        assert not made.shifts
        assert encode(made.graph) == encode(graph)
    both = network(0)
    both.outputs = [*both.outputs, both.operators[0].output]
    assert not absorb(both, measured(both, SAMPLES)).shifts


def test_a_depthwise_layer_without_padding_takes_shifts_too() -> None:
    x, a, y = activation("x", 1, 4, 4, 2), activation("a", 1, 4, 4, 3), activation("y", 1, 2, 2, 3)
    reader = depthwise(a, y, np.random.default_rng(0).normal(0, 1, (1, 3, 3, 3)), np.zeros(3))
    reader.options.padding = VALID
    graph = Graph([x], [y], [conv(x, a, FIRST, BIAS), reader])
    made = absorb(graph, measured(graph, SAMPLES))
    assert made.shifts
    assert np.allclose(run(graph, SAMPLES[0])["y"], run(made.graph, SAMPLES[0])["y"], atol=1e-4)

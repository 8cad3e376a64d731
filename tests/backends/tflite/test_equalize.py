from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from dlpuconv_backends.tflite.equalize import Equalized, equalize

from dlpuconv_backends.flatbuffer import Graph, encode
from tests.backends.tflite.models import run, sqnr_db
from tests.backends.tflite.networks import measured, pixels, separable

FIRST = np.array([[0.01, 0.02], [0.5, 0.25], [1.0, 0.5], [0.003, 0.001]])
MIDDLE = np.random.default_rng(1).random((1, 3, 3, 4)) * [4.0, 0.2, 0.05, 9.0]
LAST = np.array([[40.0, 1.0, 2.0, 30.0], [-20.0, -2.0, 1.0, 10.0]])


def unbalanced(bias: Any = (0.0, 0.0, 0.0, 0.0)) -> Graph:
    return separable(FIRST, np.array(bias), MIDDLE, LAST)


def weights(graph: Graph, index: int) -> npt.NDArray[Any]:
    data = graph.operators[index].input(1).data
    assert data is not None
    return data


def spread(ranges: npt.NDArray[Any]) -> float:
    """How many times the largest range is the smallest."""
    return float(ranges.max() / ranges.min())


def equalized(graph: Graph, count: int = 40) -> Equalized:
    return equalize(graph, measured(graph, pixels(count)))


def test_the_float_function_stays_and_the_ranges_of_channels_become_alike() -> None:
    graph = unbalanced()
    made = equalized(graph)
    for sample in pixels(8):
        assert sqnr_db(run(graph, sample)["y"], run(made.graph, sample)["y"]) >= 60.0
    assert made.scaled == 8
    for index in (0, 1):
        axes = (1, 2, 3) if index == 0 else (0, 1, 2)
        before, after = (spread(np.abs(weights(g, index)).max(axis=axes)) for g in (graph, made.graph))
        assert after < before / 4


def test_the_given_graph_is_not_changed() -> None:
    graph = unbalanced()
    before = encode(graph)
    made = equalized(graph)
    assert encode(graph) == before
    assert encode(made.graph) != before


def test_a_channel_at_the_clip_keeps_its_factor_and_others_stay_below_it() -> None:
    graph = unbalanced(bias=(7.0, 0.0, 0.0, 0.0))
    samples = pixels(40)
    made = equalize(graph, measured(graph, samples))
    assert made.factors["a"][0] == 1.0
    assert np.array_equal(weights(made.graph, 0)[0], weights(graph, 0)[0])
    seen = measured(made.graph, samples).channels["a"][:, 1]
    assert seen[0] == 6.0
    assert (seen[1:] <= 0.9 * 6.0 * 1.001).all()
    assert (made.factors["a"][1:] != 1.0).all()


def test_a_channel_that_never_fired_is_silenced_from_32_samples_on() -> None:
    graph = unbalanced(bias=(0.0, -9.0, 0.0, 0.0))
    few, enough = (equalized(graph, count) for count in (31, 32))
    assert few.silenced == 0
    assert weights(few.graph, 0)[1].any()
    assert enough.silenced == 2, "the conv's channel, and the depthwise one that reads nothing else"
    assert not weights(enough.graph, 0)[1].any()
    assert not weights(enough.graph, 1)[..., 1].any()
    assert not weights(enough.graph, 2)[..., 1].any()
    bias = enough.graph.operators[0].input(2).data
    assert bias is not None
    assert bias[1] == 0.0
    for sample in pixels(4):
        assert sqnr_db(run(graph, sample)["y"], run(enough.graph, sample)["y"]) >= 60.0


def test_made_up_samples_silence_no_channel() -> None:
    graph, samples = unbalanced(bias=(0.0, -9.0, 0.0, 0.0)), pixels(40)
    made = equalize(graph, replace(measured(graph, samples), evidence=0))
    assert made.silenced == 0
    assert weights(made.graph, 0)[1].any()


def test_another_graph_of_the_same_activations_is_written_in_the_same_numbers() -> None:
    graph = unbalanced(bias=(0.1, 0.2, 0.3, 0.4))
    made = equalized(graph)
    again = made.likewise(graph)
    assert encode(again) == encode(made.graph)


def test_scaled_statistics_are_those_of_the_equalized_graph() -> None:
    graph, samples = unbalanced(bias=(0.1, 0.2, 0.3, 0.4)), pixels(10)
    before = measured(graph, samples)
    made = equalize(graph, before)
    expected, after = measured(made.graph, samples), before.scaled(made.factors)
    for name, table in expected.channels.items():
        assert np.allclose(after.channels[name], table, rtol=1e-3, atol=1e-5), name

"""What is measured on the float graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.errors import BackendError, CalibrationError
from dlpuconv.quantization import Observer
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor, encode
from dlpuconv_backends.tflite.numbers import Range
from dlpuconv_backends.tflite.plan import observed_tensors
from dlpuconv_backends.tflite.ranges import observed_ranges
from dlpuconv_backends.tflite.spreads import Spreads, spread_of
from dlpuconv_backends.tflite.statistics import MinMax, Statistics, observe
from tests.backends.tflite.models import activation, constant, run

SHAPE = (1, 6, 6, 4)


def network() -> Graph:
    """LOGISTIC(RESHAPE(CONV(x))) beside the convolution itself."""
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    weights = np.random.default_rng(0).normal(0, 0.5, (4, 3, 3, 4))
    x, conv = activation("x", *SHAPE), activation("conv", *SHAPE)
    flat, gate = activation("flat", 1, 144), activation("gate", 1, 144)
    return Graph(
        [x],
        [gate],
        [
            Operator("CONV_2D", [x, constant("w", weights), constant("b", np.ones(4))], [conv], options),
            Operator("RESHAPE", [conv, constant("s", [1, 144], np.int32)], [flat], schema.ReshapeOptionsT()),
            Operator("LOGISTIC", [flat], [gate]),
        ],
    )


def feeds(count: int = 5) -> list[dict[str, np.ndarray[Any, Any]]]:
    rng = np.random.default_rng(1)
    return [{"x": rng.normal(0, 1, SHAPE).astype(np.float32)} for _ in range(count)]


def named(graph: Graph, *names: str) -> list[Tensor]:
    return [t for t in graph.tensors() if t.name in names]


def robust(graph: Graph, statistics: Statistics) -> dict[str, Range]:
    return ranges(graph, statistics, Observer.ROBUST)


def ranges(graph: Graph, statistics: Statistics, observer: Observer) -> dict[str, Range]:
    rows = zip(statistics.tensors, statistics.values[Spreads.name], strict=True)
    spreads = {name: spread_of(row) for name, row in rows}
    return observed_ranges(graph, statistics.ranges(), spreads, observer)


def test_only_tensors_whose_range_is_free_are_observed() -> None:
    assert [t.name for t in observed_tensors(network())] == ["x", "conv"]


def test_lowest_and_highest_values_are_those_of_the_plain_kernels() -> None:
    graph, data = network(), feeds()
    found = observe(graph, named(graph, "x", "conv"), data, [MinMax()]).ranges()
    inputs = np.stack([f["x"] for f in data])
    assert found["x"] == Range(float(inputs.min()), float(inputs.max()))
    probe = Graph(graph.inputs, named(graph, "conv"), graph.operators[:1])
    outputs = np.stack([run(probe, f)["conv"] for f in data])
    assert found["conv"].low == pytest.approx(outputs.min(), rel=1e-5)
    assert found["conv"].high == pytest.approx(outputs.max(), rel=1e-5)


def test_the_graph_is_left_as_it_was() -> None:
    graph = network()
    before = encode(graph)
    observe(graph, observed_tensors(graph), feeds(), [MinMax()])
    assert encode(graph) == before


def test_every_sample_is_told_of() -> None:
    graph, seen = network(), []
    observe(graph, observed_tensors(graph), feeds(4), [MinMax()], lambda: seen.append(1))
    assert len(seen) == 4


def test_no_samples_are_an_error() -> None:
    graph = network()
    with pytest.raises(BackendError, match="no calibration sample"):
        observe(graph, observed_tensors(graph), [], [MinMax()])


def test_a_value_that_is_not_a_number_is_named() -> None:
    graph = network()
    bad = {"x": np.full(SHAPE, np.nan, np.float32)}
    with pytest.raises(CalibrationError, match=r"'x' is not finite"):
        observe(graph, observed_tensors(graph), [bad], [MinMax()]).ranges()


def test_a_sample_with_huge_values_does_not_decide_for_all() -> None:
    graph, rng = network(), np.random.default_rng(2)
    ordinary = [{"x": rng.normal(0, 1, SHAPE).astype(np.float32)} for _ in range(19)]
    huge = {"x": 40 * rng.normal(0, 1, SHAPE).astype(np.float32)}
    graph.outputs = []  # else the convolution is kept whole: nothing but a RESHAPE lies between
    tensors = named(graph, "conv")
    statistics = observe(graph, tensors, [*ordinary, huge], [MinMax(), Spreads(20)])
    whole = statistics.ranges()["conv"]
    found = robust(graph, statistics)["conv"]
    plain = observe(graph, tensors, ordinary, [MinMax()]).ranges()["conv"]
    assert whole.width > 20 * plain.width / 2
    assert plain.width / 2 < found.width < 2 * plain.width


def test_a_black_image_does_not_decide_for_all_either() -> None:
    graph = network()
    tensors = named(graph, "conv")
    graph.outputs = []
    black = {"x": np.zeros(SHAPE, np.float32)}
    statistics = observe(graph, tensors, [*feeds(15), black], [MinMax(), Spreads(16)])
    whole = statistics.ranges()["conv"]
    found = robust(graph, statistics)["conv"]
    assert found.width > 0.7 * whole.width


def test_what_only_moves_into_an_output_keeps_its_whole_range() -> None:
    graph = network()
    graph.outputs = named(graph, "flat")
    tensors = named(graph, "x", "conv")
    statistics = observe(graph, tensors, [*feeds(15), {"x": np.full(SHAPE, 50, np.float32)}], [MinMax(), Spreads(16)])
    assert robust(graph, statistics) == statistics.ranges()


@pytest.mark.parametrize("observer", [o for o in Observer if o is not Observer.MINMAX])
def test_no_observer_cuts_off_the_logits_of_a_final_sigmoid(observer: Observer) -> None:
    """One value in ten thousand is where a detector's detections are."""
    graph = network()
    rare = {"x": feeds(1)[0]["x"].copy()}
    rare["x"][0, 2, 2] = 20.0
    data = [*feeds(19), rare]
    statistics = observe(graph, named(graph, "conv"), data, [MinMax(), Spreads(20)])
    whole = statistics.ranges()["conv"]
    assert ranges(graph, statistics, observer)["conv"] == whole
    graph.operators[2].kind = "RELU"  # the same, by way of a clamp
    assert ranges(graph, statistics, observer)["conv"] == whole
    graph.outputs = []  # of a network that goes on behind the gate, the logits are like any other activation
    cut = ranges(graph, statistics, observer)["conv"]
    assert cut.high < whole.high


def test_every_channel_is_looked_at_whatever_their_number() -> None:
    spreads = Spreads(1)
    spreads.start(1)
    values = np.zeros((1, 512, 512, 16), np.float32)
    values[..., 5] = 3.0
    spreads.update(0, values)
    found = spread_of(spreads.result()[0])
    assert 1 - found.zeros / found.weights.sum() == pytest.approx(1 / 16, rel=0.05)


def test_a_sample_that_a_kernel_refuses_is_one_error() -> None:
    x, bins = activation("x", 1, 4), activation("y", 1, 4, dtype=np.int32)
    whole, rest = activation("whole", 1, 4, dtype=np.int32), activation("rest", 1, 4)
    graph = Graph(
        [x],
        [rest],
        [
            Operator("CAST", [x], [whole], schema.CastOptionsT()),
            Operator("FLOOR_MOD", [constant("one", [1, 1, 1, 1], np.int32), whole], [bins]),
            Operator("CAST", [bins], [rest], schema.CastOptionsT()),
        ],
    )
    zeros = [{"x": np.zeros((1, 4), np.float32)}]
    with pytest.raises(BackendError, match=r"on calibration sample 0: .*ivision by 0"):
        observe(graph, [rest], zeros, [MinMax()])

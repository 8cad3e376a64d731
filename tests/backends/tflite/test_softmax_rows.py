"""What a SOFTMAX cannot tell apart needs no codes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.flatbuffer.build import reshape
from dlpuconv_backends.tflite.channel_statistics import Channels
from dlpuconv_backends.tflite.numbers import Range
from dlpuconv_backends.tflite.plan import choose_ranges
from dlpuconv_backends.tflite.softmax_rows import softmax_rows, told_apart
from dlpuconv_backends.tflite.spreads import Spreads
from dlpuconv_backends.tflite.statistics import MinMax, observe
from tests.backends.tflite.models import activation, constant, quantized, run, run_quantized, sqnr_db

type Floats = np.ndarray[Any, np.dtype[np.float32]]

ROWS, LENGTH = 6, 8


def softmax(x: Tensor, name: str) -> Operator:
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    return Operator("SOFTMAX", [x], [activation(name, *x.shape)], options)


def attention(mask: float, *, whole_rows: int = 0) -> Graph:
    """SOFTMAX(x * 3 + mask), the mask in the upper triangle and in the first rows as a whole."""
    x, scaled, masked = (activation(name, 1, ROWS, LENGTH) for name in ("x", "scaled", "masked"))
    upper = np.triu(np.full((1, ROWS, LENGTH), mask, np.float32), 1)
    upper[:, :whole_rows] = mask
    scale = Operator("MUL", [x, constant("three", [3.0])], [scaled], schema.MulOptionsT())
    add = Operator("ADD", [scaled, constant("mask", upper)], [masked], schema.AddOptionsT())
    last = softmax(masked, "y")
    return Graph([x], [last.output], [scale, add, last])


def samples(count: int = 8) -> list[dict[str, Floats]]:
    rng = np.random.default_rng(3)
    return [{"x": rng.normal(0, 1, (1, ROWS, LENGTH)).astype(np.float32)} for _ in range(count)]


def by_hand(values: Floats) -> Floats:
    powers = np.exp(values.astype(np.float64) - values.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


@given(arrays.arrays(np.float32, (3, 16), elements=st.just(-(2.0**100)) | st.floats(-128, 128, width=32)))
def test_what_is_lifted_changes_no_output_by_more_than_a_quarter_of_a_step(values: Floats) -> None:
    lifted = told_apart(values, 16)
    assert np.abs(by_hand(lifted) - by_hand(values)).max() <= 1 / 1024 + 1e-6


def test_the_lowest_value_that_counts_lies_below_the_highest_of_its_row() -> None:
    values = np.array([[5.0, -100.0], [1.0, 0.0]], np.float32)
    edge = np.log(4 * 256 * 2)
    np.testing.assert_allclose(told_apart(values, 2), [[5, 5 - edge], [1, 0]], rtol=1e-6)


def test_only_what_nothing_else_reads_is_of_rows() -> None:
    graph = attention(-1e4)
    masked = graph.operators[1].output
    assert softmax_rows(graph) == {masked: LENGTH}
    graph.outputs.append(masked)
    assert softmax_rows(graph) == {}


def test_rows_are_found_through_a_reshape() -> None:
    x = activation("x", 1, 48)
    relu = Operator("RELU", [x], [activation("r", 1, 48)])
    moved = reshape(relu.output, (1, ROWS, LENGTH))
    last = softmax(moved.output, "y")
    found = softmax_rows(Graph([x], [last.output], [relu, moved, last]))
    assert found[relu.output] == LENGTH


@pytest.mark.parametrize("mask", [-1e4, -1e9, float(np.finfo(np.float32).min)])
def test_a_mask_costs_no_accuracy(mask: float) -> None:
    graph, data = attention(mask), samples()
    made = quantized(graph, data)
    assert min(sqnr_db(run(graph, feed)["y"], run_quantized(made.graph, feed)["y"]) for feed in data) > 25


def test_a_row_that_is_masked_altogether_costs_none_either() -> None:
    graph, data = attention(-1e9, whole_rows=2), samples()
    made = quantized(graph, data)
    assert min(sqnr_db(run(graph, feed)["y"], run_quantized(made.graph, feed)["y"]) for feed in data) > 25


@pytest.mark.parametrize("kind", ["TANH", "LOGISTIC"])
@pytest.mark.parametrize("mask", [-1e4, float(np.finfo(np.float32).min)])
def test_nor_does_a_mask_on_values_whose_scale_a_kernel_prescribes(kind: str, mask: float) -> None:
    graph, data = attention(mask), samples()
    scale = graph.operators[0]
    graph.operators[0] = Operator(kind, [scale.input(0)], [scale.output])
    made = quantized(graph, data)
    assert min(sqnr_db(run(graph, feed)["y"], run_quantized(made.graph, feed)["y"]) for feed in data) > 25


def test_a_mask_is_stored_as_far_as_it_takes_effect() -> None:
    graph = attention(-1e9)
    scaled, masked = graph.operators[0].output, graph.operators[1].output
    chosen = choose_ranges(graph, {scaled: Range(-9.0, 9.0), masked: Range(-11.0, 9.0)})
    mask = graph.operators[1].input(1)
    assert chosen[mask] == Range(-11.0 - 9.0 - 18.0, 0.0)
    assert chosen[masked] == Range(-11.0, 9.0)


@pytest.mark.parametrize(("first", "expected"), [(True, Range(0.0, 38.0)), (False, Range(-38.0, 0.0))])
def test_a_mask_may_be_taken_off_or_taken_from(first: bool, expected: Range) -> None:
    """SOFTMAX(x - mask), and SOFTMAX(mask - x) with x of [-9, 9] and sums of [-11, ...]."""
    x, masked = activation("x", 1, LENGTH), activation("masked", 1, LENGTH)
    mask = constant("mask", [[0, 1e9 if first else -1e9] * 4])
    sub = Operator("SUB", [x, mask] if first else [mask, x], [masked], schema.SubOptionsT())
    last = softmax(masked, "y")
    chosen = choose_ranges(Graph([x], [last.output], [sub, last]), {x: Range(-9, 9), masked: Range(-11, 9)})
    assert chosen[mask] == expected


def test_means_are_of_all_values_and_distributions_of_what_is_told_apart() -> None:
    assert (MinMax.distinguished, Spreads.distinguished, Channels.distinguished) == (True, True, False)
    graph = attention(-1e4)
    masked = graph.operators[1].output
    found = observe(graph, [masked], samples(), [MinMax(), Spreads(8), Channels([LENGTH])])
    assert found.values[MinMax.name][0, 0] > -40
    assert found.values[Spreads.name][0, 0] > -40
    assert found.values[Channels.name][:, 0].min() < -9000


def test_a_mask_is_clamped_behind_a_reshape_too() -> None:
    graph = attention(-1e9)
    scale, add, last = graph.operators
    moved = reshape(scale.output, (1, ROWS, LENGTH))
    add.inputs[0] = moved.output
    graph.operators = [scale, moved, add, last]
    chosen = choose_ranges(graph, {scale.output: Range(-9.0, 9.0), add.output: Range(-11.0, 9.0)})
    assert chosen[add.input(1)] == Range(-11.0 - 9.0 - 18.0, 0.0)


def test_the_lowest_float_is_measured_without_a_warning() -> None:
    graph = attention(float(np.finfo(np.float32).min))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        observe(graph, [graph.operators[1].output], samples(2), [MinMax(), Spreads(2), Channels([LENGTH])])

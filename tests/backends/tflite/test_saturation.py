"""Which values an activation's readers can tell apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.tflite.numbers import ALL, Range
from dlpuconv_backends.tflite.saturation import distinguished
from tests.backends.tflite.models import activation, constant, quantized, run, run_quantized, sqnr_db

X = (1, 4, 4, 8)


def unary(kind: str, x: Tensor, name: str, options: object = None) -> Operator:
    return Operator(kind, [x], [activation(name, *x.shape)], options)


def needs(operators: list[Operator], outputs: list[Tensor], observed: dict[str, Range] | None = None) -> Range:
    graph = Graph([operators[0].input(0)], outputs, operators)
    ranges = {t: observed[t.name] for t in graph.tensors() if observed and t.name in observed}
    return distinguished(graph, ranges)[graph.inputs[0]]


def test_a_positive_mask_in_front_of_a_clamp_is_stored_as_far_as_it_takes_effect() -> None:
    """TFLite's fast ADD wraps sums of more than 32767 output steps."""
    x, masked = activation("x", 1, 32), activation("masked", 1, 32)
    mask = constant("mask", [[0, 1e4] * 16])
    add = Operator("ADD", [x, mask], [masked], schema.AddOptionsT())
    relu = Operator("RELU6", [masked], [activation("y", 1, 32)])
    graph = Graph([x], [relu.output], [add, relu])
    feed = {"x": np.linspace(-20, 20, 32, dtype=np.float32)[None]}
    found = run_quantized(quantized(graph, [feed]).graph, feed)["y"]
    np.testing.assert_allclose(found, run(graph, feed)["y"], atol=0.2)


def test_an_output_tells_everything_apart() -> None:
    x = activation("x", *X)
    op = unary("RELU", x, "y")
    assert needs([op], [x, op.output]) == ALL


def test_a_relu_sees_no_negative_values() -> None:
    op = unary("RELU", activation("x", *X), "y")
    assert needs([op], [op.output]) == Range(0.0, math.inf)


def test_a_hard_swish_sees_nothing_below_minus_three() -> None:
    op = unary("HARD_SWISH", activation("x", *X), "y", schema.HardSwishOptionsT())
    assert needs([op], [op.output]) == Range(-3.0, math.inf)


def test_a_second_reader_needs_its_own_values_too() -> None:
    x = activation("x", *X)
    gate = unary("LOGISTIC", x, "gate")
    product = Operator("MUL", [x, gate.output], [activation("y", *X)], schema.MulOptionsT())
    assert needs([gate, product], [product.output]) == ALL


def test_the_need_passes_through_operators_that_only_move_values() -> None:
    x = activation("x", *X)
    moved = Operator("RESHAPE", [x, constant("s", X, np.int32)], [activation("moved", *X)], schema.ReshapeOptionsT())
    gate = unary("LOGISTIC", moved.output, "y")
    low, high = -math.log(1023), math.log(1023)
    assert needs([moved, gate], [gate.output]) == Range(low, high)


def test_an_average_needs_the_values_that_it_averages() -> None:
    x = activation("x", *X)
    average = unary("AVERAGE_POOL_2D", x, "average", schema.Pool2DOptionsT())
    clamp = unary("RELU", average.output, "y")
    assert needs([average, clamp], [clamp.output]) == ALL


def test_a_slice_needs_only_the_values_that_it_takes() -> None:
    x = activation("x", *X)
    taken = Operator(
        "SLICE",
        [x, constant("b", [0, 0, 0, 0], np.int32), constant("n", [1, 1, 4, 8], np.int32)],
        [activation("y", 1, 1, 4, 8)],
    )
    assert needs([taken], [taken.output], {"y": Range(-1.0, 2.0)}) == Range(-1.0, 2.0)


@pytest.mark.parametrize("kind", ["HARD_SWISH", "LOGISTIC", "TANH", "GELU", "ELU", "RELU6"])
def test_an_activation_whose_only_reader_saturates_gets_a_finer_scale_and_better_numbers(kind: str) -> None:
    options = {"HARD_SWISH": schema.HardSwishOptionsT, "GELU": schema.GeluOptionsT}.get(kind, lambda: None)()
    rng = np.random.default_rng(1)
    x, offset = activation("x", *X), constant("c", 0.25)
    sum_ = Operator("ADD", [x, offset], [activation("sum", *X)], schema.AddOptionsT())
    op = unary(kind, sum_.output, "y", options)
    graph = Graph([x], [op.output], [sum_, op])
    samples = [{"x": rng.uniform(-40, 4, X).astype(np.float32)} for _ in range(8)]
    made = quantized(graph, samples)
    held = made.plan.parameters[sum_.output].range
    assert held.low > -8
    found = [run_quantized(made.graph, s)["y"] for s in samples]
    assert sqnr_db(np.stack([run(graph, s)["y"] for s in samples]), np.stack(found)) > 20

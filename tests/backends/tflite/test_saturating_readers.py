"""Values that no reader tells apart need no codes: what TFLite's kernels make of the ranges that are left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.ir.affine import INT8
from dlpuconv.quantization.scales.choice import range_of
from dlpuconv_backends.flatbuffer import Graph, Operator
from tests.backends.tflite.models import activation, constant, quantized, run, run_quantized, sqnr_db

X = (1, 4, 4, 8)
ROWS, LENGTH = 6, 8
LOWEST = float(np.finfo(np.float32).min)


@pytest.mark.parametrize("kind", ["HARD_SWISH", "LOGISTIC", "TANH", "GELU", "ELU", "RELU6"])
def test_an_activation_whose_only_reader_saturates_gets_a_finer_scale_and_better_numbers(kind: str) -> None:
    options = {"HARD_SWISH": schema.HardSwishOptionsT, "GELU": schema.GeluOptionsT}.get(kind, lambda: None)()
    rng = np.random.default_rng(1)
    x, offset = activation("x", *X), constant("c", 0.25)
    sum_ = Operator("ADD", [x, offset], [activation("sum", *X)], schema.AddOptionsT())
    op = Operator(kind, [sum_.output], [activation("y", *X)], options)
    graph = Graph([x], [op.output], [sum_, op])
    samples = [{"x": rng.uniform(-40, 4, X).astype(np.float32)} for _ in range(8)]
    made = quantized(graph, samples)
    assert range_of(made.scale(sum_.output), INT8).low > -8
    found = [run_quantized(made.graph, s)["y"] for s in samples]
    assert sqnr_db(np.stack([run(graph, s)["y"] for s in samples]), np.stack(found)) > 20


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


def attention(mask: float, *, whole_rows: int = 0) -> Graph:
    """SOFTMAX(x * 3 + mask), the mask in the upper triangle and in the first rows as a whole."""
    x, scaled, masked, y = (activation(name, 1, ROWS, LENGTH) for name in ("x", "scaled", "masked", "y"))
    upper = np.triu(np.full((1, ROWS, LENGTH), mask, np.float32), 1)
    upper[:, :whole_rows] = mask
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    operators = [
        Operator("MUL", [x, constant("three", [3.0])], [scaled], schema.MulOptionsT()),
        Operator("ADD", [scaled, constant("mask", upper)], [masked], schema.AddOptionsT()),
        Operator("SOFTMAX", [masked], [y], options),
    ]
    return Graph([x], [y], operators)


def worst_db(graph: Graph) -> float:
    rng = np.random.default_rng(3)
    data: list[dict[str, Any]] = [{"x": rng.normal(0, 1, (1, ROWS, LENGTH)).astype(np.float32)} for _ in range(8)]
    made = quantized(graph, data)
    return min(sqnr_db(run(graph, feed)["y"], run_quantized(made.graph, feed)["y"]) for feed in data)


@pytest.mark.parametrize("mask", [-1e4, -1e9, LOWEST])
def test_a_mask_costs_no_accuracy(mask: float) -> None:
    assert worst_db(attention(mask)) > 25


def test_a_row_that_is_masked_altogether_costs_none_either() -> None:
    assert worst_db(attention(-1e9, whole_rows=2)) > 25


@pytest.mark.parametrize("kind", ["TANH", "LOGISTIC"])
@pytest.mark.parametrize("mask", [-1e4, LOWEST])
def test_nor_does_a_mask_on_values_whose_scale_a_kernel_prescribes(kind: str, mask: float) -> None:
    graph = attention(mask)
    scale = graph.operators[0]
    graph.operators[0] = Operator(kind, [scale.input(0)], [scale.output])
    assert worst_db(graph) > 25

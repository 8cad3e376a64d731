"""Functions of one variable are recognised however they are spelled, and never mistaken."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dlpuconv_backends.cleanup.recognise_functions import recognise_functions
from dlpuconv_backends.flatbuffer.graph import Tensor
from tests.backends.cleanup.graphs import Builder, rewritten

type Spelling = Callable[[Builder, Tensor], Tensor]

SHAPE = (1, 3, 5)


def op(b: Builder, kind: str, *operands: Tensor | float) -> Tensor:
    return b.op(kind, [np.array([x], np.float32) if isinstance(x, float) else x for x in operands], SHAPE)


def gelu_by_tanh(b: Builder, x: Tensor) -> Tensor:
    cube = op(b, "MUL", x, op(b, "MUL", x, x))
    inner = op(b, "MUL", op(b, "ADD", x, op(b, "MUL", 0.044715, cube)), 0.7978845608)
    return op(b, "MUL", op(b, "ADD", op(b, "TANH", inner), 1.0), x)


def gelu_by_erf(b: Builder, x: Tensor) -> Tensor:
    """Abramowitz and Stegun 7.1.26, as onnx2tf lowers Erf."""
    z = op(b, "MUL", x, 0.70710678)
    a = op(b, "ABS", z)
    t = op(b, "DIV", 1.0, op(b, "ADD", op(b, "MUL", a, 0.3275911), 1.0))
    p = op(b, "MUL", t, 1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        p = op(b, "MUL", op(b, "ADD", p, coefficient), t)
    tail = op(b, "MUL", p, op(b, "EXP", op(b, "MUL", op(b, "MUL", a, a), -1.0)))
    erf = op(b, "MUL", op(b, "SUB", 1.0, tail), op(b, "SIGN", z))
    return op(b, "MUL", op(b, "MUL", x, op(b, "ADD", erf, 1.0)), 0.5)


def hard_swish(b: Builder, x: Tensor) -> Tensor:
    return op(b, "MUL", x, op(b, "MUL", op(b, "RELU6", op(b, "ADD", x, 3.0)), 1 / 6))


def hard_swish_by_clip(b: Builder, x: Tensor) -> Tensor:
    gate = op(b, "ADD", op(b, "MUL", x, 1 / 6), 0.5)
    return op(b, "MUL", op(b, "MINIMUM", op(b, "MAXIMUM", gate, 0.0), 1.0), x)


def leaky_relu(b: Builder, x: Tensor) -> Tensor:
    return op(b, "MAXIMUM", x, op(b, "MUL", x, 0.2))


def leaky_relu_by_parts(b: Builder, x: Tensor) -> Tensor:
    return op(b, "SUB", op(b, "RELU", x), op(b, "MUL", op(b, "RELU", op(b, "NEG", x)), 0.25))


def swish(b: Builder, x: Tensor) -> Tensor:
    return op(b, "MUL", x, op(b, "LOGISTIC", x))


def quick_gelu(b: Builder, x: Tensor) -> Tensor:
    return op(b, "MUL", x, op(b, "LOGISTIC", op(b, "MUL", x, 1.702)))


@pytest.mark.parametrize(
    ("spelled", "left"),
    [
        (gelu_by_tanh, ["GELU", "MUL"]),
        (gelu_by_erf, ["GELU"]),
        (hard_swish, ["HARD_SWISH"]),
        (hard_swish_by_clip, ["HARD_SWISH"]),
        (leaky_relu, ["LEAKY_RELU"]),
        (leaky_relu_by_parts, ["LEAKY_RELU"]),
    ],
)
def test_a_spelling_is_recognised(spelled: Spelling, left: list[str]) -> None:
    b = Builder()
    x = b.op("ABS", [b.input(*SHAPE)], SHAPE)
    x = op(b, "SUB", x, 1.0)
    graph = b.graph(b.op("NEG", [spelled(b, x)], SHAPE))
    assert rewritten(graph, recognise_functions, 1) == ["ABS", "SUB", *left, "NEG"]


def test_which_gelu_it_is_is_told() -> None:
    for spelled, approximate in ((gelu_by_tanh, True), (gelu_by_erf, False)):
        b = Builder()
        graph = b.graph(spelled(b, b.input(*SHAPE)))
        recognise_functions(graph)
        assert bool(next(o for o in graph.operators if o.kind == "GELU").options.approximate) is approximate


@pytest.mark.parametrize("spelled", [swish, quick_gelu])
def test_what_tflite_has_no_operator_for_stays(spelled: Spelling) -> None:
    b = Builder()
    graph = b.graph(spelled(b, b.input(*SHAPE)))
    assert "LOGISTIC" in rewritten(graph, recognise_functions, 0)


def test_a_value_that_others_read_keeps_the_arithmetic() -> None:
    b = Builder()
    x = b.input(*SHAPE)
    inner = op(b, "ADD", x, 3.0)
    y = op(b, "MUL", x, op(b, "RELU6", inner))
    graph = b.graph(y, b.op("ABS", [inner], SHAPE))
    assert "HARD_SWISH" not in rewritten(graph, recognise_functions, 0)


def test_constants_per_channel_are_no_function_of_one_variable() -> None:
    b = Builder()
    x = b.input(*SHAPE)
    graph = b.graph(b.op("MAXIMUM", [x, b.op("MUL", [x, b.values(5)], SHAPE)], SHAPE))
    assert rewritten(graph, recognise_functions, 0) == ["MUL", "MAXIMUM"]

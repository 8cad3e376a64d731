"""Logarithms of exponentials, as lowering spells Softplus, Mish, LogSoftmax and their kin: bounded in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv_backends.cleanup.bound_logs import bound_logs
from dlpuconv_backends.cleanup.mish_by_sigmoid import mish_by_sigmoid
from dlpuconv_backends.cleanup.subtract_maximum import subtract_maximum
from dlpuconv_backends.flatbuffer.graph import Graph
from tests.backends.cleanup.graphs import RELU, Builder, kinds, rewritten
from tests.backends.tflite.models import quantized, run, run_quantized, sqnr_db

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv_backends.flatbuffer.graph import Tensor

SHAPE = (1, 4, 8)
ONE = np.ones(1, np.float32)
REST = ["ABS", "LOGISTIC", "LOG"]


def softplus(b: Builder, x: Tensor) -> Tensor:
    return b.op("LOG", [b.op("ADD", [b.op("EXP", [x], SHAPE), ONE], SHAPE)], SHAPE)


def mish(b: Builder, x: Tensor) -> Tensor:
    return b.op("MUL", [x, b.op("TANH", [softplus(b, x)], SHAPE)], SHAPE)


def log_sigmoid(b: Builder, x: Tensor) -> Tensor:
    return b.op("LOG", [b.op("LOGISTIC", [x], SHAPE)], SHAPE)


def log_add_exp(b: Builder, x: Tensor) -> Tensor:
    powers = [b.op("EXP", [each], SHAPE) for each in (x, b.op("MUL", [x, np.float32(0.3)], SHAPE))]
    return b.op("LOG", [b.op("ADD", powers, SHAPE)], SHAPE)


def log_softmax(b: Builder, x: Tensor) -> Tensor:
    return b.op("LOG", [b.op("SOFTMAX", [x], SHAPE, beta=1.0)], SHAPE)


def log_sum_exp(b: Builder, x: Tensor) -> Tensor:
    total = b.op("SUM", [b.op("EXP", [x], SHAPE), np.array([-1], np.int32)], (1, 4, 1), keepDims=True)
    return b.op("LOG", [total], (1, 4, 1))


def log_sum_exp_reshaped(b: Builder, x: Tensor) -> Tensor:
    total = b.op("SUM", [b.op("EXP", [x], SHAPE), np.array([2], np.int32)], (1, 4, 1), keepDims=True)
    return b.op("LOG", [b.reshape(total, 1, 4)], (1, 4))


def graph_of(make: Callable[[Builder, Tensor], Tensor]) -> Graph:
    b = Builder()
    return b.graph(make(b, b.input(*SHAPE)))


FORMS = {
    "softplus": (softplus, bound_logs, [*REST, "RELU", "SUB"], 36),
    "mish": (mish, mish_by_sigmoid, ["MUL", "LOGISTIC", "MAXIMUM", "LOG", "TANH", "MUL"], 36),
    "log_sigmoid": (log_sigmoid, bound_logs, [*REST, "MINIMUM", "ADD"], 36),
    "log_add_exp": (log_add_exp, bound_logs, ["MUL", "SUB", *REST, "MAXIMUM", "SUB"], 36),
    "log_softmax": (log_softmax, subtract_maximum, ["REDUCE_MAX", "SUB", "EXP", "SUM", "LOG", "SUB"], 36),
    "log_sum_exp": (log_sum_exp, subtract_maximum, ["REDUCE_MAX", "SUB", "EXP", "SUM", "LOG", "ADD"], 36),
    "log_sum_exp_reshaped": (
        log_sum_exp_reshaped,
        subtract_maximum,
        ["REDUCE_MAX", "SUB", "EXP", "SUM", "LOG", "ADD", "RESHAPE"],
        36,
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_it_is_spelled_without_a_large_intermediate(name: str) -> None:
    make, rewrite, left, _ = FORMS[name]
    assert rewritten(graph_of(make), rewrite, 1) == left


@pytest.mark.parametrize("name", FORMS)
def test_in_8_bits_it_keeps_what_its_output_can_hold(name: str) -> None:
    make, rewrite, _, decibels = FORMS[name]
    graph = graph_of(make)
    random = np.random.default_rng(5)
    samples = [{"input0": random.normal(0, 6, SHAPE).astype(np.float32)} for _ in range(16)]
    output = graph.outputs[0].name
    wanted = np.stack([run(graph, sample)[output] for sample in samples])
    rewrite(graph)
    graph.drop_dead()
    made = quantized(graph, samples)
    found = np.stack([run_quantized(made.graph, sample)[output] for sample in samples])
    assert sqnr_db(wanted, found) > decibels


@pytest.mark.parametrize("name", FORMS)
def test_it_is_finite_where_the_exponential_is_not(name: str) -> None:
    make, rewrite, _, _ = FORMS[name]
    graph = graph_of(make)
    rewrite(graph)
    for number in (-1e3, 1e3):
        assert np.isfinite(run(graph, {"input0": np.full(SHAPE, number, np.float32)})[graph.outputs[0].name]).all()


def test_a_sum_that_is_below_its_maximum_already_is_left_alone() -> None:
    graph = graph_of(log_sum_exp)
    subtract_maximum(graph)
    graph.drop_dead()
    left = kinds(graph)
    assert subtract_maximum(graph) == 0
    assert kinds(graph) == left


def test_a_logarithm_of_another_sum_is_left_alone() -> None:
    b = Builder()
    power = b.op("EXP", [b.input(*SHAPE)], SHAPE)
    two, bent = (
        b.op("LOG", [b.op("ADD", [power, constant], SHAPE, fusedActivationFunction=activation)], SHAPE)
        for constant, activation in ((2 * ONE, 0), (ONE, RELU))
    )
    assert bound_logs(b.graph(two, bent)) == 0


def test_the_hyperbolic_tangent_of_another_value_is_no_mish() -> None:
    b = Builder()
    graph = b.graph(b.op("MUL", [b.input(*SHAPE), b.op("TANH", [softplus(b, b.input(*SHAPE))], SHAPE)], SHAPE))
    assert mish_by_sigmoid(graph) == 0

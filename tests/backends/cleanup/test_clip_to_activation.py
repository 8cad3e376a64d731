"""Clips are activations."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv_backends.cleanup.clip_to_activation import clip_to_activation
from dlpuconv_backends.flatbuffer.graph import Tensor
from tests.backends.cleanup.graphs import Builder, rewritten


def bound(b: Builder, kind: str, x: Tensor, value: float, first: bool = False) -> Tensor:
    constant = np.array([value], np.float32)
    return b.op(kind, [constant, x] if first else [x, constant], x.shape)


@pytest.mark.parametrize(
    ("low", "high", "left"),
    [(0.0, 6.0, ["RELU6"]), (-1.0, 1.0, ["RELU_N1_TO_1"]), (0.0, 1.0, ["MUL", "RELU6", "MUL"])],
)
@pytest.mark.parametrize("low_first", [False, True])
def test_a_clip_is_an_activation(low: float, high: float, left: list[str], low_first: bool) -> None:
    b = Builder()
    order = [("MAXIMUM", low), ("MINIMUM", high)]
    y = b.input(1, 7)
    for kind, value in order if low_first else reversed(order):
        y = bound(b, kind, y, value, first=low_first)
    assert rewritten(b.graph(y), clip_to_activation, 1) == left


def test_the_factors_are_six_over_the_bound_and_back() -> None:
    b = Builder()
    graph = b.graph(bound(b, "MINIMUM", b.op("RELU", [b.input(1, 7)], (1, 7)), 2.0))
    assert rewritten(graph, clip_to_activation, 1) == ["MUL", "RELU6", "MUL"]
    assert np.allclose([np.asarray(op.input(1).data) for op in graph.operators[::2]], [[3.0], [1 / 3]])


def test_a_maximum_with_zero_is_relu() -> None:
    b = Builder()
    assert rewritten(b.graph(bound(b, "MAXIMUM", b.input(1, 7), 0.0)), clip_to_activation, 1) == ["RELU"]


def test_other_bounds_stay() -> None:
    b = Builder()
    y = bound(b, "MINIMUM", bound(b, "MAXIMUM", b.input(1, 7), -0.5), 3.0)
    assert rewritten(b.graph(y), clip_to_activation, 0) == ["MAXIMUM", "MINIMUM"]


@pytest.mark.parametrize(("high", "left"), [(5.0, ["RELU", "MINIMUM"]), (6.0, ["RELU6"])])
def test_whole_numbers_that_become_indices_stay_whole(high: float, left: list[str]) -> None:
    b = Builder()
    clipped = bound(b, "MINIMUM", bound(b, "MAXIMUM", b.op("FLOOR", [b.input(1, 7)], (1, 7)), 0.0), high)
    moved = b.reshape(b.op("ADD", [clipped, np.ones(1, np.float32)], (1, 7)), 7, 1)
    graph = b.graph(b.op("CAST", [moved], (7, 1), np.int32, inDataType=0, outDataType=2))
    assert rewritten(graph, clip_to_activation, 1) == ["FLOOR", *left, "ADD", "RESHAPE", "CAST"]

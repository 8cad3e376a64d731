"""What depends on shapes and constants alone becomes a constant."""

from __future__ import annotations

import numpy as np

from dlpuconv_backends.cleanup.fold_constants import fold_constants
from tests.backends.cleanup.graphs import Builder, kinds, rewritten
from tests.error_ids import raises_error


def test_shape_arithmetic_in_front_of_a_reshape_goes() -> None:
    b = Builder()
    x = b.input(1, 4, 6)
    shape = b.op("SHAPE", [x], (3,), np.int32)
    last = b.op("GATHER", [shape, np.array([2], np.int32)], (1,), np.int32, axis=0)
    wanted = b.op("CONCATENATION", [np.array([4], np.int32), last], (2,), np.int32, axis=0)
    graph = b.graph(b.op("RESHAPE", [x, wanted], (4, 6)))
    assert fold_constants(graph) == 2
    assert kinds(graph) == ["RESHAPE"]
    assert list(graph.operators[0].input(1).data) == [4, 6]  # type: ignore[arg-type]


def test_arithmetic_of_constants_is_computed() -> None:
    b = Builder()
    x = b.input(1, 3)
    c = b.op("MUL", [np.array([1, 2, 3], np.float32), np.array([2], np.float32)], (3,))
    c = b.op("ADD", [c, np.array([1], np.float32)], (3,))
    graph = b.graph(b.op("ADD", [x, c], (1, 3)))
    assert rewritten(graph, fold_constants, 2) == ["ADD"]
    assert list(graph.operators[0].input(1).data) == [3, 5, 7]  # type: ignore[arg-type]


def test_an_unknown_shape_of_reshape_is_the_static_one() -> None:
    b = Builder()
    x, unknown = b.input(1, 6), b.input(2)
    graph = b.graph(b.op("RESHAPE", [x, unknown], (2, 3)))
    assert fold_constants(graph) == 0
    assert list(graph.operators[0].input(1).data) == [2, 3]  # type: ignore[arg-type]


def test_values_that_depend_on_inputs_stay() -> None:
    b = Builder()
    graph = b.graph(b.op("RELU", [b.input(1, 3)], (1, 3)))
    assert rewritten(graph, fold_constants, 0) == ["RELU"]


def test_constants_that_litert_cannot_compute_are_an_error() -> None:
    b = Builder()
    c = b.op("CONCATENATION", [np.zeros((2, 2), np.float32), np.zeros((3, 3), np.float32)], (5, 2), axis=0)
    graph = b.graph(b.op("ADD", [b.input(5, 2), c], (5, 2)))
    with raises_error("backend-run-failed", "constants"):
        fold_constants(graph)

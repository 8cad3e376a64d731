"""Fewer kinds of operators, and operands of one rank."""

from __future__ import annotations

import numpy as np

from dlpuconv_backends.cleanup.canonicalize import canonicalize
from tests.backends.cleanup.graphs import Builder, rewritten


def test_squeeze_and_expand_dims_become_reshape() -> None:
    b = Builder()
    x = b.op("SQUEEZE", [b.input(1, 4, 1)], (4,), squeezeDims=np.array([0, 2], np.int32))
    graph = b.graph(b.op("EXPAND_DIMS", [x, np.array([1], np.int32)], (4, 1)))
    assert rewritten(graph, canonicalize, 2) == ["RESHAPE", "RESHAPE"]


def test_a_gather_of_one_index_becomes_a_slice() -> None:
    b = Builder()
    graph = b.graph(b.op("GATHER", [b.input(1, 5, 3), np.array(-2, np.int32) % 5], (1, 3), axis=1))
    assert rewritten(graph, canonicalize, 1) == ["SLICE", "RESHAPE"]
    assert list(graph.operators[0].input(1).data) == [0, 3, 0]  # type: ignore[arg-type]


def test_a_gather_of_several_indices_stays() -> None:
    b = Builder()
    graph = b.graph(b.op("GATHER", [b.input(1, 5, 3), np.array([0, 2], np.int32)], (1, 2, 3), axis=1))
    assert rewritten(graph, canonicalize, 0) == ["GATHER"]


def test_operands_of_lower_rank_are_raised() -> None:
    b = Builder()
    graph = b.graph(b.op("ADD", [b.input(1, 4, 3), b.input(3)], (1, 4, 3)))
    assert rewritten(graph, canonicalize, 1) == ["RESHAPE", "ADD"]
    assert graph.operators[0].output.shape == (1, 1, 3)

"""Moves in a row are one move."""

from __future__ import annotations

import numpy as np

from dlpuconv_backends.cleanup.merge_moves import merge_moves
from tests.backends.cleanup.graphs import Builder, rewritten


def test_two_reshapes_are_one() -> None:
    b = Builder()
    graph = b.graph(b.reshape(b.reshape(b.input(1, 4, 6), 24), 2, 12))
    assert rewritten(graph, merge_moves, 1) == ["RESHAPE"]


def test_two_transposes_are_one() -> None:
    b = Builder()
    graph = b.graph(b.transpose(b.transpose(b.input(2, 3, 4), 1, 2, 0), 0, 2, 1))
    assert rewritten(graph, merge_moves, 1) == ["TRANSPOSE"]
    assert list(np.asarray(graph.operators[0].input(1).data)) == [1, 0, 2]


def test_a_transpose_of_unit_axes_is_a_reshape() -> None:
    b = Builder()
    graph = b.graph(b.transpose(b.input(1, 1, 4, 3), 0, 2, 1, 3))
    assert rewritten(graph, merge_moves, 1) == ["RESHAPE"]


def test_a_value_that_others_read_is_kept() -> None:
    b = Builder()
    middle = b.reshape(b.input(1, 4, 6), 24)
    graph = b.graph(b.reshape(middle, 2, 12), middle)
    assert rewritten(graph, merge_moves, 1) == ["RESHAPE", "RESHAPE"]

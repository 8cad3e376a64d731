"""Operators over five axes and more, rewritten to four."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv_backends.cleanup.constants import ints
from dlpuconv_backends.cleanup.lower_ranks import lower_ranks
from dlpuconv_backends.cleanup.merge_moves import merge_moves
from dlpuconv_backends.cleanup.remove_noops import remove_noops
from tests.backends.cleanup.graphs import Builder, rewritten, run

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph


def int32(*values: Any) -> Any:
    return np.array(values, np.int32)


def deepest(graph: Graph, *kinds: str) -> int:
    """The most axes of a value that an operator of these kinds (any but RESHAPE, if none is named) reads or makes."""
    touched = [op for op in graph.operators if (op.kind in kinds if kinds else op.kind != "RESHAPE")]
    return max(len(t.shape) for op in touched for t in (*op.inputs, *op.outputs) if t is not None and not t.is_constant)


@pytest.mark.parametrize(
    ("shape", "order", "low", "low_order"),
    [
        ((1, 65, 3, 4, 16), (2, 0, 3, 1, 4), (65, 3, 4, 16), [1, 2, 0, 3]),
        ((1, 4, 4, 4, 4, 48), (0, 1, 3, 2, 4, 5), (4, 4, 4, 192), [0, 2, 1, 3]),
        ((2, 3, 4, 5, 6), (2, 3, 4, 0, 1), (2, 3, 20, 6), [2, 3, 0, 1]),
    ],
)
def test_a_transposition_leaves_out_units_and_joins_neighbours(
    shape: tuple[int, ...], order: tuple[int, ...], low: tuple[int, ...], low_order: list[int]
) -> None:
    b = Builder()
    graph = b.graph(b.transpose(b.input(*shape), *order))
    assert rewritten(graph, lower_ranks, 1) == ["RESHAPE", "TRANSPOSE", "RESHAPE"]
    move = graph.operators[1]
    assert move.input(0).shape == low
    assert list(ints(move.input(1))) == low_order


def test_a_transposition_of_windows_with_heads_becomes_two() -> None:
    b = Builder()
    graph = b.graph(b.transpose(b.input(6, 5, 3, 4, 2), 2, 0, 3, 1, 4))
    assert rewritten(graph, lower_ranks, 1).count("TRANSPOSE") == 2
    assert deepest(graph, "TRANSPOSE") <= 4


def test_a_transposition_that_four_axes_cannot_express_stays() -> None:
    b = Builder()
    graph = b.graph(b.transpose(b.input(2, 2, 3, 2, 2, 3), 5, 3, 1, 4, 0, 2))
    assert rewritten(graph, lower_ranks, 0) == ["TRANSPOSE"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=5, max_size=6), st.randoms(use_true_random=False))
def test_any_transposition_keeps_its_numbers(shape: list[int], random: Any) -> None:
    order = list(range(len(shape)))
    random.shuffle(order)
    b = Builder()
    graph = b.graph(b.transpose(b.input(*shape), *order))
    (before,) = run(graph)
    lower_ranks(graph)
    (after,) = run(graph)
    np.testing.assert_array_equal(before, after)


X = (1, 3, 4, 5, 2)
CASES: dict[str, tuple[list[Any], tuple[int, ...], dict[str, Any]]] = {
    "scalar": (["MUL", 2.0], X, {}),
    "constant of full rank": (["ADD", np.arange(20, dtype=np.float32).reshape(1, 1, 4, 5, 1)], X, {}),
    "constant of lower rank": (["ADD", np.arange(10, dtype=np.float32).reshape(5, 2)], X, {}),
    "SLICE": (["SLICE", int32(0, 0, 1, 0, 1), int32(1, 3, 2, 5, 1)], (1, 3, 2, 5, 1), {}),
    "STRIDED_SLICE": (
        ["STRIDED_SLICE", int32(0, 0, 1, 0, 0), int32(1, 3, 0, 5, 9), int32(1, 1, 2, 1, -1)],
        (1, 3, 2, 5, 2),
        {"endMask": 0b10100, "beginMask": 0b10000},
    ),
    "CONCATENATION": (["CONCATENATION", None], (1, 3, 4, 5, 4), {"axis": -1}),
    "CONCATENATION with a constant": (
        ["CONCATENATION", np.arange(60, dtype=np.float32).reshape(1, 3, 4, 5, 1)],
        (1, 3, 4, 5, 3),
        {"axis": -1},
    ),
    "GATHER": (["GATHER", int32(3, 0)], (1, 3, 2, 5, 2), {"axis": 2}),
    "PAD": (["PAD", int32([0, 0], [0, 0], [1, 0], [0, 0], [0, 2])], (1, 3, 5, 5, 4), {}),
    "SOFTMAX": (["SOFTMAX"], X, {"beta": 1.0}),
    "MEAN": (["MEAN", int32(2)], (1, 3, 5, 2), {"keepDims": False}),
    "MEAN that keeps its axes": (["MEAN", int32(-2, -1)], (1, 3, 4, 1, 1), {"keepDims": True}),
}


@pytest.mark.parametrize("case", CASES)
def test_operators_along_axes_keep_their_numbers(case: str) -> None:
    (kind, *operands), shape, options = CASES[case]
    b = Builder()
    x = b.input(*X)
    operands = [x if operand is None else operand for operand in operands]
    operands = [np.float32(o) if isinstance(o, float) else o for o in operands]
    graph = b.graph(b.op(kind, [x, *operands], shape, **options))
    assert set(rewritten(graph, lower_ranks, 1)) == {"RESHAPE", kind}
    assert deepest(graph) == 4


def test_a_split_keeps_its_numbers() -> None:
    b = Builder()
    x = b.input(3, 2, 4, 5, 2)
    first = b.op("SPLIT", [int32(0).reshape(()), x], (1, 2, 4, 5, 2), numSplits=3)
    graph = b.graph(first)
    split = graph.operators[0]
    split.outputs += [type(first)(f"part{i}", first.shape, first.dtype) for i in (1, 2)]
    graph.outputs += split.outputs[1:]
    rewritten(graph, lower_ranks, 1)
    assert deepest(graph) == 4


def test_matrices_of_five_axes_join_their_batches() -> None:
    b = Builder()
    x, y = b.input(2, 3, 4, 5, 6), b.input(2, 3, 4, 6, 7)
    graph = b.graph(b.op("BATCH_MATMUL", [x, y], (2, 3, 4, 5, 7)))
    rewritten(graph, lower_ranks, 1)
    assert [t.shape for t in graph.operators[2].inputs if t] == [(6, 4, 5, 6), (6, 4, 6, 7)]


def test_six_full_axes_join_where_nothing_is_broadcast_between_them() -> None:
    b = Builder()
    x, bias = b.input(2, 3, 2, 3, 2, 3), b.input(2, 3, 1, 1, 2, 3)
    graph = b.graph(b.op("ADD", [x, bias], x.shape))
    rewritten(graph, lower_ranks, 1)
    assert deepest(graph) <= 4


def test_broadcasting_that_four_axes_cannot_express_stays() -> None:
    b = Builder()
    x, bias = b.input(2, 3, 2, 3, 2), b.input(2, 1, 2, 1, 2)
    assert rewritten(b.graph(b.op("ADD", [x, bias], x.shape)), lower_ranks, 0) == ["ADD"]


def _without_moves_that_cancel(graph: Graph) -> int:
    return int(merge_moves(graph) + remove_noops(graph) > 0)


def test_a_detectors_decoding_is_left_without_five_axes() -> None:
    b = Builder()
    x = b.input(1, 4, 4, 12)
    y = b.transpose(b.reshape(x, 1, 4, 4, 3, 4), 0, 3, 1, 2, 4)
    y = b.op("LOGISTIC", [y], y.shape)
    y = b.op("ADD", [b.op("MUL", [y, np.float32(2)], y.shape), b.values(1, 1, 4, 4, 1)], y.shape)
    y = b.slice(y, (0, 0, 0, 0, 1), (1, 3, 4, 4, 2))
    graph = b.graph(b.reshape(y, 1, prod(y.shape) // 2, 2))
    rewritten(graph, lower_ranks, 5)
    kinds = rewritten(graph, _without_moves_that_cancel, 1)
    assert kinds == ["RESHAPE", "TRANSPOSE", "LOGISTIC", "MUL", "ADD", "SLICE", "RESHAPE"]
    assert deepest(graph, *kinds) == 4


def test_four_axes_are_left_alone() -> None:
    b = Builder()
    graph = b.graph(b.transpose(b.input(1, 2, 3, 4), 0, 3, 1, 2))
    assert rewritten(graph, lower_ranks, 0) == ["TRANSPOSE"]

"""Reduced axes, sandwiches, expansions, depthwise affine operators, splits, outputs of their own, names."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv_backends.cleanup.keep_reduced_axes import keep_reduced_axes
from dlpuconv_backends.cleanup.keep_rows import keep_rows
from dlpuconv_backends.cleanup.name_tensors import name_tensors
from dlpuconv_backends.cleanup.open_sandwiches import open_sandwiches
from dlpuconv_backends.cleanup.own_outputs import own_outputs
from dlpuconv_backends.cleanup.slices_to_split import slices_to_split
from tests.backends.cleanup.graphs import Builder, rewritten, run

HW = np.array([1, 2], np.int32)


@pytest.mark.parametrize("keep", [False, True])
def test_a_reshape_behind_a_reduction_is_its_keep_dims(keep: bool) -> None:
    b = Builder()
    shapes = ((1, 3), (1, 1, 1, 3)) if keep else ((1, 1, 1, 3), (1, 3))
    y = b.op("MEAN", [b.input(1, 4, 5, 3), HW], shapes[0], keepDims=not keep)
    graph = b.graph(b.reshape(y, *shapes[1]))
    assert rewritten(graph, keep_reduced_axes, 1) == ["MEAN"]
    assert graph.operators[0].options.keepDims is keep


def test_any_other_reshape_behind_a_reduction_stays() -> None:
    b = Builder()
    graph = b.graph(b.reshape(b.op("MEAN", [b.input(1, 4, 5, 6), HW], (1, 6)), 2, 3))
    assert rewritten(graph, keep_reduced_axes, 0) == ["MEAN", "RESHAPE"]


@pytest.mark.parametrize(("shape", "inner"), [((1, 6, 4), (1, 6, 3)), ((2, 3, 4), (2, 3, 3))])
def test_a_layer_keeps_the_rows_that_the_change_of_shape_behind_it_makes(
    shape: tuple[int, ...], inner: tuple[int, ...]
) -> None:
    b = Builder()
    y = b.op("FULLY_CONNECTED", [b.reshape(b.input(1, 6, 3), 6, 3), b.values(4, 3), None], (6, 4))
    graph = b.graph(b.reshape(y, *shape))
    assert rewritten(graph, keep_rows, 1) == ["RESHAPE", "FULLY_CONNECTED"]
    assert graph.operators[0].output.shape == inner


def test_a_change_of_shape_that_mixes_rows_stays_behind_its_layer() -> None:
    b = Builder()
    y = b.op("FULLY_CONNECTED", [b.reshape(b.input(1, 6, 3), 6, 3), b.values(4, 3), None], (6, 4))
    assert rewritten(b.graph(b.reshape(y, 1, 24)), keep_rows, 0) == ["RESHAPE", "FULLY_CONNECTED", "RESHAPE"]


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1, 1, 1)])
def test_a_layer_gives_no_number_no_vector_and_no_five_axes(shape: tuple[int, ...]) -> None:
    b = Builder()
    y = b.op("FULLY_CONNECTED", [b.reshape(b.input(3), 1, 3), b.values(1, 3), None], (1, 1))
    assert rewritten(b.graph(b.reshape(y, *shape)), keep_rows, 0) == ["RESHAPE", "FULLY_CONNECTED", "RESHAPE"]


def test_a_sandwich_is_opened() -> None:
    b = Builder()
    y = b.reshape(b.input(1, 2, 6), 12)
    y = b.op("MUL", [b.op("ABS", [y], (12,))] * 2, (12,))
    graph = b.graph(b.reshape(b.op("ADD", [y, np.ones(1, np.float32)], (12,)), 1, 2, 6))
    assert rewritten(graph, open_sandwiches, 1) == ["ABS", "MUL", "ADD"]


def test_a_sandwich_with_a_vector_stays() -> None:
    b = Builder()
    y = b.op("ADD", [b.reshape(b.input(1, 2, 6), 12), b.values(12)], (12,))
    assert rewritten(b.graph(b.reshape(y, 1, 2, 6)), open_sandwiches, 0) == ["RESHAPE", "ADD", "RESHAPE"]


def test_equal_slices_are_a_split() -> None:
    b = Builder()
    x = b.input(1, 4, 4, 6)
    parts = [b.slice(x, (0, 0, 0, at), (1, 4, 4, 2)) for at in (2, 0, 4)]
    assert rewritten(b.graph(*parts), slices_to_split, 1) == ["SPLIT"]


@pytest.mark.parametrize("cuts", [[(0, 2), (2, 4)], [(0, 3)], [(0, 3), (2, 3)]])
def test_unequal_missing_and_overlapping_slices_stay(cuts: list[tuple[int, int]]) -> None:
    b = Builder()
    x = b.input(1, 4, 4, 6)
    parts = [b.slice(x, (0, 0, 0, at), (1, 4, 4, size)) for at, size in cuts]
    assert rewritten(b.graph(*parts), slices_to_split, 0) == ["SLICE"] * len(cuts)


def test_outputs_that_share_a_tensor_get_copies() -> None:
    b = Builder()
    x = b.input(1, 3)
    y = b.op("ABS", [x], (1, 3))
    graph = b.graph(y, y, x)
    assert own_outputs(graph) == 2
    assert len({*graph.outputs, *graph.inputs}) == 4
    first, second, third = run(graph)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, third)


def test_names_are_the_sources_and_unique() -> None:
    b = Builder()
    x = b.input(1, 4, 4, 2)
    y = b.conv(x, 2)
    z = b.conv(y, 2)
    y.source_names, z.source_names = ("same",), ("inner", "same")
    graph = b.graph(b.op("ABS", [z], z.shape))
    name_tensors(graph, ["the output"])
    names = [t.name for t in graph.tensors()]
    assert len(set(names)) == len(names)
    assert {"input0", "same", "same#2", "same/weights", "same#2/bias", "the output"} <= set(names)

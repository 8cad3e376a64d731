"""Channel shuffles are found by what they do, and end in weights."""

from __future__ import annotations

import numpy as np

from dlpuconv_backends.cleanup.absorb_channel_gathers import (
    gathers_into_consumers,
    gathers_into_convolutions,
    gathers_into_producers,
)
from dlpuconv_backends.cleanup.find_channel_gathers import find_channel_gathers
from dlpuconv_backends.flatbuffer.graph import Tensor
from tests.backends.cleanup.graphs import Builder, kinds, rewritten

REVERSED = np.array([3, 2, 1, 0], np.int32)


def gather(b: Builder, x: Tensor, channels: list[int]) -> Tensor:
    return b.op("GATHER", [x, np.array(channels, np.int32)], (*x.shape[:-1], len(channels)), axis=len(x.shape) - 1)


def test_a_channel_shuffle_is_one_gather() -> None:
    b = Builder()
    y = b.transpose(b.reshape(b.input(1, 3, 3, 6), 1, 3, 3, 2, 3), 0, 1, 2, 4, 3)
    graph = b.graph(b.reshape(y, 1, 3, 3, 6))
    assert rewritten(graph, find_channel_gathers, 1) == ["GATHER"]
    assert list(np.asarray(graph.operators[0].input(1).data)) == [0, 3, 1, 4, 2, 5]


def test_the_halves_of_a_shuffle_are_two_gathers() -> None:
    b = Builder()
    y = b.reshape(b.input(1, 3, 3, 4), 1, 3, 3, 2, 2)
    even = b.reshape(b.slice(y, (0, 0, 0, 0, 0), (1, 3, 3, 2, 1)), 1, 3, 3, 2)
    odd = b.reshape(b.slice(y, (0, 0, 0, 0, 1), (1, 3, 3, 2, 1)), 1, 3, 3, 2)
    graph = b.graph(even, odd)
    assert rewritten(graph, find_channel_gathers, 2) == ["GATHER", "GATHER"]
    assert [list(np.asarray(op.input(1).data)) for op in graph.operators] == [[0, 2], [1, 3]]


def test_neighbouring_channels_are_a_slice() -> None:
    b = Builder()
    y = b.reshape(b.input(1, 3, 3, 4), 9, 4)
    graph = b.graph(b.reshape(b.slice(y, (0, 1), (9, 2)), 1, 3, 3, 2))
    assert rewritten(graph, find_channel_gathers, 1) == ["SLICE"]


def test_every_second_channel_is_a_gather_and_every_second_row_is_not() -> None:
    b = Builder()
    x = b.input(1, 4, 4, 4)
    zero, end = np.zeros(4, np.int32), np.array(x.shape, np.int32)
    channels = b.op("STRIDED_SLICE", [x, zero, end, np.array([1, 1, 1, 2], np.int32)], (1, 4, 4, 2))
    rows = b.op("STRIDED_SLICE", [x, zero, end, np.array([1, 2, 1, 1], np.int32)], (1, 2, 4, 4))
    graph = b.graph(channels, rows)
    assert rewritten(graph, find_channel_gathers, 1) == ["GATHER", "STRIDED_SLICE"]


def test_moves_that_mix_pixels_stay() -> None:
    b = Builder()
    graph = b.graph(b.reshape(b.transpose(b.input(1, 4, 4, 2), 0, 2, 1, 3), 1, 4, 4, 2))
    assert rewritten(graph, find_channel_gathers, 0) == ["TRANSPOSE", "RESHAPE"]


def test_a_gather_goes_through_channelwise_operators_into_the_layer_before() -> None:
    b = Builder()
    y = b.depthwise(b.conv(b.input(1, 4, 4, 3), 4), 3)
    y = b.op("MUL", [b.op("PRELU", [y, b.values(1, 1, 4)], y.shape), b.values(4)], y.shape)
    graph = b.graph(gather(b, b.op("HARD_SWISH", [y], y.shape), [2, 0, 3, 1]))
    assert rewritten(graph, gathers_into_producers, 5) == ["CONV_2D", "DEPTHWISE_CONV_2D", "PRELU", "MUL", "HARD_SWISH"]


def test_a_selection_shrinks_the_layer_before() -> None:
    b = Builder()
    graph = b.graph(gather(b, b.conv(b.input(1, 4, 4, 3), 4), [1, 3]))
    assert rewritten(graph, gathers_into_producers, 1) == ["CONV_2D"]
    assert graph.operators[0].input(1).shape == (2, 1, 1, 3)


def test_a_cheap_grouped_convolution_becomes_dense_for_it() -> None:
    b = Builder()
    y = b.op("CONV_2D", [b.input(1, 4, 4, 4), b.values(4, 1, 1, 2), b.values(4)], (1, 4, 4, 4))
    graph = b.graph(gather(b, y, [0, 2, 1, 3]))
    assert rewritten(graph, gathers_into_producers, 1) == ["CONV_2D"]
    assert graph.operators[0].input(1).shape == (4, 1, 1, 4)


def test_convolutions_behind_absorb_a_gather_and_other_readers_keep_it() -> None:
    b = Builder()
    x = b.input(1, 4, 4, 4)
    y = gather(b, x, [3, 1])
    graph = b.graph(b.conv(y, 5, 3), b.op("ABS", [y], y.shape))
    assert rewritten(graph, gathers_into_consumers, 1) == ["GATHER", "CONV_2D", "ABS"]
    weights = np.asarray(graph.operators[1].input(1).data)
    assert weights.shape == (5, 3, 3, 4)
    assert not weights[..., [0, 2]].any()


def test_what_is_left_is_a_one_hot_convolution() -> None:
    b = Builder()
    graph = b.graph(gather(b, b.input(1, 4, 4, 4), [3, 1]))
    assert rewritten(graph, gathers_into_convolutions, 1) == ["CONV_2D"]
    weights = np.asarray(graph.operators[0].input(1).data).reshape(2, 4)
    assert weights.tolist() == [[0, 0, 0, 1], [0, 1, 0, 0]]


def test_a_gather_of_rows_stays() -> None:
    b = Builder()
    graph = b.graph(b.op("GATHER", [b.input(1, 4, 4, 4), REVERSED], (1, 4, 4, 4), axis=1))
    for rewrite in (gathers_into_producers, gathers_into_consumers, gathers_into_convolutions):
        assert rewritten(graph, rewrite, 0) == ["GATHER"]
    assert kinds(graph) == ["GATHER"]


def test_a_reshape_whose_shapes_do_not_fit_is_no_shuffle() -> None:
    """ONNX's own inference does not count the elements of a target."""
    b = Builder()
    y = b.transpose(b.reshape(b.input(1, 3, 3, 6), 1, 3, 3, 2, 2), 0, 1, 2, 4, 3)
    graph = b.graph(b.reshape(y, 1, 3, 3, 6))
    assert find_channel_gathers(graph) == 0

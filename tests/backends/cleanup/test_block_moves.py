"""Focus, pixel shuffle and unshuffle are found by what they do."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv_backends.cleanup.find_block_moves import find_block_moves, space_to_depth
from dlpuconv_backends.cleanup.space_to_depth_into_conv import space_to_depth_into_conv
from dlpuconv_backends.flatbuffer.graph import Tensor
from tests.backends.cleanup.graphs import SAME, VALID, Builder, rewritten


def every_second(b: Builder, x: Tensor, row: int, column: int) -> Tensor:
    n, h, w, c = x.shape
    operands = [np.array(v, np.int32) for v in ([0, row, column, 0], [n, h, w, c], [1, 2, 2, 1])]
    return b.op("STRIDED_SLICE", [x, *operands], (n, h // 2, w // 2, c))


def test_space_to_depth_by_hand() -> None:
    values = np.arange(8).reshape(1, 2, 2, 2)
    assert space_to_depth(values, 2).reshape(-1).tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    values = np.arange(16).reshape(1, 2, 4, 2)
    assert space_to_depth(values, 2)[0, 0, 1].tolist() == [4, 5, 6, 7, 12, 13, 14, 15]


def test_a_focus_is_space_to_depth_in_another_order() -> None:
    b = Builder()
    x = b.input(1, 4, 6, 3)
    first = b.op("MAX_POOL_2D", [x], (1, 2, 3, 3), filterHeight=1, filterWidth=1)
    parts = [first, *(every_second(b, x, *at) for at in ((1, 0), (0, 1), (1, 1)))]
    graph = b.graph(b.op("CONCATENATION", parts, (1, 2, 3, 12)))
    assert rewritten(graph, find_block_moves, 1) == ["SPACE_TO_DEPTH", "GATHER"]


def test_a_pixel_shuffle_is_depth_to_space_in_another_order() -> None:
    b = Builder()
    y = b.transpose(b.reshape(b.input(1, 2, 3, 12), 1, 2, 3, 3, 2, 2), 0, 1, 4, 2, 5, 3)
    graph = b.graph(b.reshape(y, 1, 4, 6, 3))
    assert rewritten(graph, find_block_moves, 1) == ["GATHER", "DEPTH_TO_SPACE"]


def test_a_move_in_tflites_order_needs_no_gather() -> None:
    b = Builder()
    y = b.transpose(b.reshape(b.input(1, 4, 6, 3), 1, 2, 2, 3, 2, 3), 0, 1, 3, 2, 4, 5)
    y = b.reshape(y, 1, 2, 3, 12)
    y = b.transpose(b.reshape(b.op("ABS", [y], y.shape), 1, 2, 3, 2, 2, 3), 0, 1, 3, 2, 4, 5)
    graph = b.graph(b.reshape(y, 1, 4, 6, 3))
    assert rewritten(graph, find_block_moves, 2) == ["SPACE_TO_DEPTH", "ABS", "DEPTH_TO_SPACE"]


def test_other_moves_of_that_shape_stay() -> None:
    b = Builder()
    graph = b.graph(b.reshape(b.transpose(b.input(1, 4, 4, 3), 0, 2, 1, 3), 1, 2, 2, 12))
    assert rewritten(graph, find_block_moves, 0) == ["TRANSPOSE", "RESHAPE"]


@pytest.mark.parametrize(("kernel", "padding"), [(3, SAME), (3, VALID), (1, SAME), (2, VALID)])
def test_a_convolution_takes_the_blocks_in(kernel: int, padding: int) -> None:
    b = Builder()
    y = b.op("SPACE_TO_DEPTH", [b.input(1, 8, 10, 3)], (1, 4, 5, 12))
    graph = b.graph(b.conv(y, 5, kernel, padding=padding))
    assert rewritten(graph, space_to_depth_into_conv, 1) == ["CONV_2D"]
    assert graph.operators[0].input(1).shape == (5, 2 * kernel, 2 * kernel, 3)


def test_blocks_stay_where_same_would_pad_otherwise() -> None:
    b = Builder()
    y = b.op("SPACE_TO_DEPTH", [b.input(1, 8, 8, 3)], (1, 4, 4, 12))
    graph = b.graph(b.conv(y, 5, 2, padding=SAME))
    assert rewritten(graph, space_to_depth_into_conv, 0) == ["SPACE_TO_DEPTH", "CONV_2D"]

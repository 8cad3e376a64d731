"""Transposes disappear where the order of axes can express them, and stay where they compute something."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv_backends.cleanup.layout import choose_layouts
from dlpuconv_backends.flatbuffer.graph import Graph, Tensor
from tests.backends.cleanup.graphs import Builder, kinds, run

NHWC, NCHW = (0, 2, 3, 1), (0, 3, 1, 2)


def chosen(graph: Graph, genuine: frozenset[str] = frozenset()) -> list[tuple[int, ...]]:
    """Choose layouts and check that every output is the old one in the order that is reported."""
    before = run(graph)
    labels = choose_layouts(graph, genuine)
    graph.drop_dead()
    for old, new, label in zip(before, run(graph), labels, strict=True):
        np.testing.assert_allclose(new, old.transpose(label), rtol=1e-5, atol=1e-5)
    return labels


def nchw_conv(b: Builder, x: Tensor, channels: int) -> Tensor:
    """A convolution as it is lowered: channels first outside, TRANSPOSEs around it."""
    return b.transpose(b.conv(b.transpose(x, *NHWC), channels, 3), *NCHW)


def test_transposes_between_convolutions_cancel_through_elementwise_operators() -> None:
    b = Builder()
    x = b.transpose(b.input(1, 5, 6, 3), *NCHW)
    y = b.op("RELU", [nchw_conv(b, x, 4)], (1, 4, 5, 6))
    y = b.op("MUL", [y, b.values(4, 1, 1)], y.shape)
    graph = b.graph(nchw_conv(b, y, 2))
    assert chosen(graph) == [NHWC]
    assert kinds(graph) == ["CONV_2D", "RELU", "MUL", "CONV_2D"]
    assert graph.operators[2].input(1).shape == (1, 1, 4)


def test_equal_extents_do_not_confuse_the_order() -> None:
    b = Builder()
    x = b.transpose(b.input(1, 4, 4, 4), *NCHW)
    y = nchw_conv(b, x, 4)
    y = b.op("ADD", [y, b.values(4, 1, 1)], y.shape)
    graph = b.graph(y, b.op("MEAN", [y, np.array([2], np.int32)], (1, 4, 4)))
    assert chosen(graph)[0] == NHWC
    assert "TRANSPOSE" not in kinds(graph)


def test_axes_of_concatenation_slice_pad_and_split_follow() -> None:
    b = Builder()
    x = nchw_conv(b, b.transpose(b.input(1, 6, 6, 3), *NCHW), 4)
    y = b.op("CONCATENATION", [x, x, b.values(1, 2, 6, 6)], (1, 10, 6, 6), axis=1)
    y = b.slice(y, (0, 1, 2, 0), (1, 8, 4, 6))
    y = b.op("PAD", [y, np.array([[0, 0], [0, 0], [1, 0], [0, 2]], np.int32)], (1, 8, 5, 8))
    operands = [np.array(v, np.int32) for v in ([0, 2, 0, 0], [1, 8, 5, 8], [1, 3, 1, 2])]
    y = b.op("STRIDED_SLICE", [y, *operands], (1, 2, 5, 4))
    graph = b.graph(nchw_conv(b, y, 3))
    assert chosen(graph) == [NHWC]
    assert kinds(graph) == ["CONV_2D", "CONCATENATION", "SLICE", "PAD", "STRIDED_SLICE", "CONV_2D"]
    assert graph.operators[1].options.axis == 3


def test_masks_of_a_strided_slice_follow() -> None:
    b = Builder()
    x = nchw_conv(b, b.transpose(b.input(1, 6, 6, 3), *NCHW), 4)
    operands = [np.array(v, np.int32) for v in ([0, 9, 1, 0], [1, 9, 5, 6], [1, 2, 1, 1])]
    y = b.op("STRIDED_SLICE", [x, *operands], (1, 2, 4, 6), beginMask=0b0010, endMask=0b0010)
    graph = b.graph(nchw_conv(b, y, 3))
    assert chosen(graph) == [NHWC]
    assert (graph.operators[1].options.beginMask, graph.operators[1].options.endMask) == (0b1000, 0b1000)


def test_prelu_alpha_keeps_one_axis_less_than_its_input() -> None:
    b = Builder()
    x = nchw_conv(b, b.transpose(b.input(1, 5, 5, 3), *NCHW), 4)
    graph = b.graph(b.op("PRELU", [x, b.values(4, 1, 1)], x.shape))
    assert chosen(graph) == [NHWC]
    assert graph.operators[-1].input(1).shape == (1, 1, 4)


def test_softmax_over_channels_needs_no_transpose_with_channels_last() -> None:
    b = Builder()
    x = nchw_conv(b, b.transpose(b.input(1, 5, 5, 3), *NCHW), 4)
    graph = b.graph(b.transpose(b.op("SOFTMAX", [b.transpose(x, *NHWC)], (1, 5, 5, 4), beta=1.0), *NCHW))
    assert chosen(graph) == [NHWC]
    assert kinds(graph) == ["CONV_2D", "SOFTMAX"]


def test_a_detection_head_needs_no_transpose_where_atoms_stay_together() -> None:
    b = Builder()
    x = nchw_conv(b, b.transpose(b.input(1, 4, 4, 3), *NCHW), 6)  # 2 anchors of 3 values
    y = b.transpose(b.reshape(x, 1, 2, 3, 4, 4), 0, 3, 4, 1, 2)
    graph = b.graph(b.reshape(y, 1, 32, 3))
    assert chosen(graph) == [(0, 1, 2)]
    assert kinds(graph) == ["CONV_2D", "RESHAPE", "RESHAPE"]


def test_a_flattened_map_keeps_one_transpose() -> None:
    b = Builder()
    x = nchw_conv(b, b.transpose(b.input(1, 4, 4, 3), *NCHW), 6)
    graph = b.graph(b.reshape(x, 1, 96))
    assert chosen(graph) == [(0, 1)]
    assert kinds(graph).count("TRANSPOSE") == 1


def test_attention_reads_transposed_keys_through_adj_y() -> None:
    b = Builder()
    q, k = b.input(1, 2, 5, 8), b.input(1, 2, 5, 8)
    scores = b.op("BATCH_MATMUL", [q, b.transpose(k, 0, 1, 3, 2)], (1, 2, 5, 5))
    graph = b.graph(scores)
    chosen(graph)
    assert kinds(graph) == ["BATCH_MATMUL"]
    assert graph.operators[0].options.adjY


def test_reductions_drop_and_keep_axes_in_the_new_order() -> None:
    b = Builder()
    x = nchw_conv(b, b.transpose(b.input(1, 5, 6, 3), *NCHW), 4)
    dropped = b.op("MEAN", [x, np.array([2, 3], np.int32)], (1, 4))
    kept = b.op("MEAN", [x, np.array([-3], np.int32)], (1, 1, 5, 6), keepDims=True)
    everything = b.op("MEAN", [x, np.array([0, 1, 2, 3], np.int32)], (1, 1, 1, 1), keepDims=True)
    graph = b.graph(dropped, kept, everything)
    chosen(graph)
    assert "TRANSPOSE" not in kinds(graph)


def test_the_models_own_last_transpose_is_not_folded_into_an_output() -> None:
    b = Builder()
    y = b.transpose(b.op("RELU", [b.input(1, 4, 6)], (1, 4, 6)), 0, 2, 1)
    graph = b.graph(y)
    assert chosen(graph, frozenset((graph.operators[-1].source_name,))) == [(0, 1, 2)]
    assert kinds(graph) == ["RELU", "TRANSPOSE"]


def test_one_value_may_leave_in_two_orders() -> None:
    b = Builder()
    y = nchw_conv(b, b.transpose(b.input(1, 4, 4, 4), *NCHW), 4)
    last = b.transpose(y, 0, 2, 3, 1)
    graph = b.graph(y, last)
    assert chosen(graph, frozenset((graph.operators[-1].source_name,))) == [NHWC, (0, 1, 2, 3)]


def test_names_of_dissolved_transposes_are_kept() -> None:
    b = Builder()
    y = nchw_conv(b, b.transpose(b.input(1, 4, 4, 2), *NCHW), 4)
    graph = b.graph(b.op("RELU", [y], y.shape))
    chosen(graph)
    assert graph.operators[0].output.source_names[-1] == y.source_names[0]


@pytest.mark.parametrize("perm", [(0, 1, 3, 2), (0, 2, 1, 3), (0, 3, 2, 1)])
def test_a_transpose_that_is_no_layout_stays_in_some_form(perm: tuple[int, ...]) -> None:
    b = Builder()
    x = b.conv(b.input(1, 4, 5, 6), 7, 3)
    graph = b.graph(b.conv(b.transpose(x, *perm), 3, 1))
    chosen(graph)
    assert kinds(graph).count("TRANSPOSE") == 1

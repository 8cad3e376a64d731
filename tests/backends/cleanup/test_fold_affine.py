"""Factors and offsets per channel go into weights and biases."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv_backends.cleanup.fold_affine import fold_affine
from tests.backends.cleanup.graphs import RELU, VALID, Builder, rewritten


def test_hand_computed_scale_and_shift_of_a_convolution() -> None:
    b = Builder()
    weights = np.array([[[[1.0, 2.0]]], [[[3.0, 4.0]]]], np.float32)
    y = b.op("CONV_2D", [b.input(1, 2, 2, 2), weights, np.array([10, 20], np.float32)], (1, 2, 2, 2))
    y = b.op("MUL", [y, np.array([2, 3], np.float32)], y.shape)
    y = b.op("ADD", [y, np.array([1, -1], np.float32)], y.shape, fusedActivationFunction=RELU)
    graph = b.graph(y)
    assert rewritten(graph, fold_affine, 2) == ["CONV_2D"]
    conv = graph.operators[0]
    assert np.asarray(conv.input(1).data).reshape(-1).tolist() == [2, 4, 9, 12]
    assert np.asarray(conv.input(2).data).tolist() == [21, 59]
    assert conv.options.fusedActivationFunction == RELU


@pytest.mark.parametrize("kind", ["MUL", "DIV", "ADD", "SUB"])
@pytest.mark.parametrize("first", [False, True])
def test_every_operand_order_behind_a_layer(kind: str, first: bool) -> None:
    b = Builder()
    y = b.depthwise(b.input(1, 5, 5, 3))
    constant = np.array([0.5, 2.0, -1.5], np.float32)
    graph = b.graph(b.op(kind, [constant, y] if first else [y, constant], y.shape))
    impossible = kind == "DIV" and first
    assert rewritten(graph, fold_affine, 0 if impossible else 1)[0] == "DEPTHWISE_CONV_2D"


def test_a_layer_without_bias_gets_one() -> None:
    b = Builder()
    y = b.op("FULLY_CONNECTED", [b.input(2, 3), b.values(4, 3), None], (2, 4))
    graph = b.graph(b.op("ADD", [y, b.values(4)], (2, 4)))
    assert rewritten(graph, fold_affine, 1) == ["FULLY_CONNECTED"]


def test_a_transposed_convolution_takes_its_bias_through_a_crop() -> None:
    b = Builder()
    operands = [np.array([1, 9, 9, 2], np.int32), b.values(2, 3, 3, 4), b.input(1, 4, 4, 4)]
    y = b.slice(b.op("TRANSPOSE_CONV", operands, (1, 9, 9, 2)), (0, 1, 1, 0), (1, 8, 8, 2))
    graph = b.graph(b.op("ADD", [y, b.values(2)], y.shape))
    assert rewritten(graph, fold_affine, 1) == ["TRANSPOSE_CONV", "SLICE"]


def test_a_bias_passes_a_change_of_shape_that_leaves_channels_as_they_are() -> None:
    b = Builder()
    y = b.reshape(b.op("FULLY_CONNECTED", [b.input(6, 3), b.values(4, 3), None], (6, 4)), 1, 6, 4)
    graph = b.graph(b.op("ADD", [y, b.values(4)], y.shape))
    assert rewritten(graph, fold_affine, 1) == ["FULLY_CONNECTED", "RESHAPE"]


def test_a_factor_does_not_pass_a_change_of_shape_that_mixes_channels() -> None:
    b = Builder()
    y = b.reshape(b.op("FULLY_CONNECTED", [b.input(6, 3), b.values(4, 3), None], (6, 4)), 1, 4, 6)
    graph = b.graph(b.op("ADD", [y, b.values(6)], y.shape))
    assert rewritten(graph, fold_affine, 0) == ["FULLY_CONNECTED", "RESHAPE", "ADD"]


@pytest.mark.parametrize(("before", "after"), [((), (1,)), ((1, 1), ())])
def test_a_factor_behind_a_change_of_shape_of_one_number_stays(before: tuple[int, ...], after: tuple[int, ...]) -> None:
    b = Builder()
    y = b.reshape(b.reshape(b.conv(b.input(1, 1, 1, 3), 1, kernel=1), *before), *after)
    graph = b.graph(b.op("ADD", [y, np.ones(1, np.float32)], y.shape))
    assert rewritten(graph, fold_affine, 0) == ["CONV_2D", "RESHAPE", "RESHAPE", "ADD"]


def test_factors_pass_pools_and_resizing() -> None:
    b = Builder()
    y = b.op("AVERAGE_POOL_2D", [b.conv(b.input(1, 8, 8, 3), 4)], (1, 4, 4, 4))
    y = b.op("RESIZE_BILINEAR", [y, np.array([8, 8], np.int32)], (1, 8, 8, 4))
    y = b.op("MUL", [y, b.values(4)], y.shape)
    graph = b.graph(b.op("ADD", [y, b.values(4)], y.shape))
    assert rewritten(graph, fold_affine, 2) == ["CONV_2D", "AVERAGE_POOL_2D", "RESIZE_BILINEAR"]


def test_a_negative_factor_does_not_pass_a_maximum() -> None:
    b = Builder()
    y = b.op("MAX_POOL_2D", [b.conv(b.input(1, 8, 8, 3), 2)], (1, 4, 4, 2))
    graph = b.graph(b.op("MUL", [y, np.array([1.0, -1.0], np.float32)], y.shape))
    assert rewritten(graph, fold_affine, 0) == ["CONV_2D", "MAX_POOL_2D", "MUL"]


def test_a_value_that_others_read_or_an_activation_between_prevents_it() -> None:
    b = Builder()
    shared = b.conv(b.input(1, 4, 4, 2), 3, padding=VALID)
    active = b.conv(shared, 3, fusedActivationFunction=RELU)
    graph = b.graph(b.op("MUL", [shared, b.values(3)], shared.shape), b.op("MUL", [active, b.values(3)], active.shape))
    assert rewritten(graph, fold_affine, 0) == ["CONV_2D", "CONV_2D", "MUL", "MUL"]


def test_a_plane_of_constants_is_not_per_channel() -> None:
    b = Builder()
    y = b.conv(b.input(1, 3, 3, 2), 3)
    graph = b.graph(b.op("MUL", [y, b.values(3, 3, 1)], y.shape))
    assert rewritten(graph, fold_affine, 0) == ["CONV_2D", "MUL"]

"""PADs go where padding=SAME pads exactly alike, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv_backends.cleanup.fold_pads import Window, fold_pads, same_pads
from dlpuconv_backends.cleanup.zero_for_lowest import zero_for_lowest
from tests.backends.cleanup.graphs import RELU, SAME, VALID, Builder, rewritten


@pytest.mark.parametrize(
    ("size", "extent", "stride", "pads"),
    [(7, 3, 1, (1, 1)), (8, 3, 2, (0, 1)), (7, 3, 2, (1, 1)), (8, 5, 1, (2, 2)), (8, 2, 1, (0, 1)), (8, 1, 2, (0, 0))],
)
def test_same_pads_by_hand(size: int, extent: int, stride: int, pads: tuple[int, int]) -> None:
    assert same_pads(size, Window(extent, stride)) == pads


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "before", "after", "folds"),
    [
        (8, 3, 1, 1, 1, True),
        (8, 5, 1, 2, 2, True),
        (8, 3, 2, 1, 1, False),
        (8, 3, 2, 0, 1, True),
        (9, 3, 2, 1, 1, True),
        (8, 3, 1, 0, 2, False),
        (8, 3, 2, 0, 2, True),  # the second zero row is never reached
        (8, 2, 2, 0, 1, True),  # none is reached
    ],
)
def test_a_pad_folds_into_a_convolution_only_if_same_is_exactly_it(
    size: int, kernel: int, stride: int, before: int, after: int, folds: bool
) -> None:
    b = Builder()
    y = b.pad(b.input(1, size, size, 2), before, after)
    graph = b.graph(b.conv(y, 3, kernel, strideH=stride, padding=VALID))
    assert rewritten(graph, fold_pads, int(folds)) == (["CONV_2D"] if folds else ["PAD", "CONV_2D"])


def test_dilation_counts() -> None:
    b = Builder()
    y = b.pad(b.input(1, 8, 8, 2), 2, 2)
    weights = b.values(1, 3, 3, 2)
    options = {"dilationHFactor": 2, "dilationWFactor": 2, "padding": VALID}
    graph = b.graph(b.op("DEPTHWISE_CONV_2D", [y, weights, b.values(2)], (1, 8, 8, 2), **options))
    assert rewritten(graph, fold_pads, 1) == ["DEPTHWISE_CONV_2D"]
    assert graph.operators[0].options.padding == SAME


def test_a_pad_for_several_convolutions_goes_when_all_take_it() -> None:
    b = Builder()
    y = b.pad(b.input(1, 8, 8, 2))
    graph = b.graph(b.conv(y, 3, 3, padding=VALID), b.depthwise(y, 3, padding=VALID))
    assert rewritten(graph, fold_pads, 2) == ["CONV_2D", "DEPTHWISE_CONV_2D"]


@pytest.mark.parametrize(("positive", "fires"), [(True, 1), (False, 0)])
def test_zeros_around_a_maximum_are_harmless_only_among_values_that_are_not_negative(
    positive: bool, fires: int
) -> None:
    b = Builder()
    y = b.conv(b.input(1, 9, 9, 2), 3, fusedActivationFunction=RELU if positive else 0)
    options = {"filterHeight": 3, "filterWidth": 3}
    graph = b.graph(b.op("MAX_POOL_2D", [b.pad(y)], (1, 5, 5, 3), **options))
    rewritten(graph, fold_pads, fires)


def test_zeros_in_an_average_are_counted_so_the_pad_stays() -> None:
    b = Builder()
    options = {"filterHeight": 3, "filterWidth": 3, "strideH": 1, "strideW": 1}
    graph = b.graph(b.op("AVERAGE_POOL_2D", [b.pad(b.input(1, 8, 8, 2))], (1, 8, 8, 2), **options))
    assert rewritten(graph, fold_pads, 0) == ["PAD", "AVERAGE_POOL_2D"]


def test_padding_of_channels_stays() -> None:
    b = Builder()
    rows = np.array([[0, 0], [1, 1], [1, 1], [0, 2]], np.int32)
    y = b.op("PAD", [b.input(1, 8, 8, 2), rows], (1, 10, 10, 4))
    graph = b.graph(b.conv(y, 3, 3, padding=VALID))
    assert rewritten(graph, fold_pads, 0) == ["PAD", "CONV_2D"]


@pytest.mark.parametrize(("positive", "kind"), [(True, "PAD"), (False, "PADV2")])
def test_the_lowest_float_becomes_zero_only_among_values_that_are_not_negative(positive: bool, kind: str) -> None:
    b = Builder()
    y = b.conv(b.input(1, 8, 8, 2), 3, fusedActivationFunction=RELU if positive else 0)
    rows = np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)
    y = b.op("PADV2", [y, rows, np.array([np.finfo(np.float32).min])], (1, 10, 10, 3))
    graph = b.graph(b.op("MAX_POOL_2D", [y], (1, 4, 4, 3), filterHeight=3, filterWidth=3))
    assert rewritten(graph, zero_for_lowest, int(positive)) == ["CONV_2D", kind, "MAX_POOL_2D"]

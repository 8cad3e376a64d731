"""Activations are fused where the operator in front has that field, and chips honour it."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv_backends.cleanup.fuse_activations import fuse_activations
from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor
from tests.backends.cleanup.graphs import RELU, RELU6, Builder, rewritten


@pytest.mark.parametrize("kind", ["RELU", "RELU6", "RELU_N1_TO_1"])
def test_an_activation_goes_into_the_convolution(kind: str) -> None:
    b = Builder()
    y = b.conv(b.input(1, 4, 4, 2), 3)
    graph = b.graph(b.op(kind, [y], y.shape))
    assert rewritten(graph, fuse_activations, 1) == ["CONV_2D"]
    assert graph.operators[0].output.name.startswith(kind.lower())


def test_an_activation_passes_moves_and_maxima_into_every_branch_of_a_concatenation() -> None:
    b = Builder()
    x = b.input(1, 4, 4, 2)
    one = b.op("MAX_POOL_2D", [b.conv(x, 3)], (1, 2, 2, 3))
    two = b.op("ADD", [b.op("MAX_POOL_2D", [x], (1, 2, 2, 2)), b.values(2)], (1, 2, 2, 2))
    y = b.op("CONCATENATION", [one, two], (1, 2, 2, 5))
    graph = b.graph(b.op("RELU", [b.reshape(y, 1, 20)], (1, 20)))
    assert "RELU" not in rewritten(graph, fuse_activations, 1)


def test_pools_and_concatenation_get_no_activation_of_their_own() -> None:
    b = Builder()
    y = b.op("MAX_POOL_2D", [b.input(1, 4, 4, 2)], (1, 2, 2, 2))
    y = b.op("CONCATENATION", [y, y], (1, 2, 2, 4))
    graph = b.graph(b.op("RELU", [y], y.shape))
    assert rewritten(graph, fuse_activations, 0) == ["MAX_POOL_2D", "CONCATENATION", "RELU"]


def test_a_value_that_is_also_read_raw_keeps_its_activation_apart() -> None:
    b = Builder()
    y = b.conv(b.input(1, 4, 4, 2), 3)
    graph = b.graph(b.op("RELU", [y], y.shape), b.op("ABS", [y], y.shape))
    assert rewritten(graph, fuse_activations, 0) == ["CONV_2D", "RELU", "ABS"]


def test_two_activations_are_the_narrower_one() -> None:
    b = Builder()
    y = b.conv(b.input(1, 4, 4, 2), 3, fusedActivationFunction=RELU)
    graph = b.graph(b.op("RELU6", [y], y.shape))
    assert rewritten(graph, fuse_activations, 1) == ["CONV_2D"]
    assert graph.operators[0].options.fusedActivationFunction == RELU6


def test_an_average_does_not_commute() -> None:
    b = Builder()
    y = b.op("AVERAGE_POOL_2D", [b.conv(b.input(1, 4, 4, 2), 3)], (1, 2, 2, 3))
    graph = b.graph(b.op("RELU", [y], y.shape))
    assert rewritten(graph, fuse_activations, 0)[-1] == "RELU"
    assert np.all(graph.operators[0].options.fusedActivationFunction == 0)


def test_activations_in_a_row_are_all_fused() -> None:
    b = Builder()
    y = b.conv(b.input(1, 4, 4, 2), 3)
    graph = b.graph(b.op("RELU6", [b.op("RELU", [y], y.shape)], y.shape))
    assert rewritten(graph, fuse_activations, 2) == ["CONV_2D"]


def test_the_graph_is_looked_through_once_however_many_are_fused(monkeypatch: pytest.MonkeyPatch) -> None:
    b = Builder()
    y = b.input(1, 4, 4, 3)
    for _ in range(5):
        convolved = b.conv(y, 3)
        y = b.op("RELU", [convolved], convolved.shape)
    graph, looks, whole = b.graph(y), [], Graph.consumers

    def counted(self: Graph) -> dict[Tensor, list[Operator]]:
        looks.append(self)
        return whole(self)

    monkeypatch.setattr(Graph, "consumers", counted)
    assert fuse_activations(graph) == 5
    assert len(looks) == 1

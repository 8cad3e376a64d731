"""Products with a constant matrix are layers."""

from __future__ import annotations

import pytest

from dlpuconv_backends.cleanup.matmul_to_layer import matmul_to_layer
from tests.backends.cleanup.graphs import Builder, rewritten


@pytest.mark.parametrize("adjoint", [False, True])
@pytest.mark.parametrize("shape", [(2, 4), (1, 5, 4), (1, 2, 5, 4)])
def test_a_constant_right_side_becomes_weights(shape: tuple[int, ...], adjoint: bool) -> None:
    b = Builder()
    matrix = b.values(3, 4) if adjoint else b.values(4, 3)
    matrix = matrix.reshape((1,) * (len(shape) - 2) + matrix.shape)
    graph = b.graph(b.op("BATCH_MATMUL", [b.input(*shape), matrix], (*shape[:-1], 3), adjY=adjoint))
    assert rewritten(graph, matmul_to_layer, 1) == ["FULLY_CONNECTED"]
    assert graph.operators[0].input(1).shape == (3, 4)
    assert graph.operators[0].options.keepNumDims == (len(shape) > 2)


def test_batched_constants_and_two_activations_stay() -> None:
    b = Builder()
    x = b.input(2, 3, 4)
    y = b.op("BATCH_MATMUL", [x, b.values(2, 4, 4)], (2, 3, 4))
    graph = b.graph(b.op("BATCH_MATMUL", [x, y], (2, 3, 3), adjY=True))
    assert rewritten(graph, matmul_to_layer, 0) == ["BATCH_MATMUL", "BATCH_MATMUL"]

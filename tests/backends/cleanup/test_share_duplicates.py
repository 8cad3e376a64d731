"""Equal operators and equal index constants are one; weights stay apart."""

from __future__ import annotations

import numpy as np

from dlpuconv_backends.cleanup.share_duplicates import share_constants, share_operators
from tests.backends.cleanup.graphs import Builder, rewritten


def test_equal_operators_on_one_value_are_one() -> None:
    b = Builder()
    x = b.input(1, 4, 4, 2)
    graph = b.graph(b.op("ADD", [b.transpose(x, 0, 3, 1, 2), b.transpose(x, 0, 3, 1, 2)], (1, 2, 4, 4)))
    assert rewritten(graph, share_operators, 1) == ["TRANSPOSE", "ADD"]


def test_operators_with_other_options_stay_apart() -> None:
    b = Builder()
    x = b.input(1, 4, 4, 2)
    one = b.op("MAX_POOL_2D", [x], (1, 2, 2, 2))
    two = b.op("MAX_POOL_2D", [x], (1, 2, 2, 2), filterHeight=1, filterWidth=1)
    graph = b.graph(b.op("ADD", [one, two], (1, 2, 2, 2)))
    assert rewritten(graph, share_operators, 0) == ["MAX_POOL_2D", "MAX_POOL_2D", "ADD"]


def test_equal_index_constants_are_one_tensor_and_weights_are_not() -> None:
    b = Builder()
    x = b.input(1, 4, 6)
    y = b.op("MUL", [b.reshape(x, 4, 6), np.full(6, 2, np.float32)], (4, 6))
    y = b.op("MUL", [b.reshape(b.reshape(y, 24), 4, 6), np.full(6, 2, np.float32)], (4, 6))
    graph = b.graph(y)
    assert rewritten(graph, share_constants, 1) == ["RESHAPE", "MUL", "RESHAPE", "RESHAPE", "MUL"]

"""A flattened map needs no TRANSPOSE in front of dense layers."""

from __future__ import annotations

from dlpuconv_backends.cleanup.permute_flattened import permute_flattened
from tests.backends.cleanup.graphs import Builder, rewritten


def test_columns_of_all_dense_layers_are_permuted() -> None:
    b = Builder()
    x = b.transpose(b.input(1, 2, 3, 4), 0, 3, 1, 2)
    flat = b.reshape(x, 1, 24)
    one = b.op("FULLY_CONNECTED", [flat, b.values(5, 24), b.values(5)], (1, 5))
    two = b.op("FULLY_CONNECTED", [flat, b.values(2, 24), None], (1, 2))
    graph = b.graph(one, two)
    assert rewritten(graph, permute_flattened, 1) == ["RESHAPE", "FULLY_CONNECTED", "FULLY_CONNECTED"]


def test_a_batch_axis_that_stays_in_front_is_kept() -> None:
    b = Builder()
    flat = b.reshape(b.transpose(b.input(2, 3, 4), 0, 2, 1), 2, 12)
    graph = b.graph(b.op("FULLY_CONNECTED", [flat, b.values(5, 12), b.values(5)], (2, 5)))
    assert rewritten(graph, permute_flattened, 1) == ["RESHAPE", "FULLY_CONNECTED"]


def test_another_reader_of_the_flat_values_prevents_it() -> None:
    b = Builder()
    flat = b.reshape(b.transpose(b.input(1, 3, 4), 0, 2, 1), 1, 12)
    layer = b.op("FULLY_CONNECTED", [flat, b.values(5, 12), b.values(5)], (1, 5))
    graph = b.graph(layer, b.op("ABS", [flat], (1, 12)))
    assert rewritten(graph, permute_flattened, 0)[0] == "TRANSPOSE"

"""What LiteRT refuses is told by the operator."""

from __future__ import annotations

import pytest

from dlpuconv_backends.flatbuffer.build import reshape
from dlpuconv_backends.flatbuffer.graph import Graph
from dlpuconv_backends.flatbuffer.loaded import LoadedGraph
from tests.backends.cleanup.graphs import Builder
from tests.error_ids import raises_error


@pytest.mark.parametrize("load", [LoadedGraph, LoadedGraph.fast])
def test_a_refused_operator_is_told_by_its_kind_and_node(load: type[LoadedGraph]) -> None:
    b = Builder()
    x = b.input(1, 6)
    y = b.op("RELU", [x], (1, 6))
    wrong = reshape(y, (1, 5))
    wrong.source_name = "the fifth"
    graph = Graph([x], [wrong.output], [*b.graph(y).operators, wrong])
    with raises_error("backend-run-failed") as caught:
        load(graph)
    assert str(caught.value) == "LiteRT cannot run the lowered model: it refuses RESHAPE ('the fifth')"

"""The whole list of rewrites: it ends, it is deterministic, and a second run changes nothing."""

from __future__ import annotations

import numpy as np

from dlpuconv_backends.cleanup import AFTER_LAYOUT, AT_THE_END, BEFORE_LAYOUT, clean
from dlpuconv_backends.cleanup.titles import TITLES
from dlpuconv_backends.flatbuffer.codec import encode
from dlpuconv_backends.flatbuffer.graph import Graph
from tests.backends.cleanup.graphs import VALID, Builder, kinds, run


def small_network() -> Graph:
    """A stem, a residual block with a gate, and a classifier, as lowering spells them."""
    b = Builder()
    x = b.transpose(b.input(1, 9, 9, 3), 0, 3, 1, 2)
    y = b.conv(b.pad(b.transpose(x, 0, 2, 3, 1)), 4, 3, strideH=2, padding=VALID)
    y = b.transpose(y, 0, 3, 1, 2)
    y = b.op("RELU", [b.op("MUL", [y, b.values(4, 1, 1)], y.shape)], y.shape)
    mean = b.op("MEAN", [y, np.array([2, 3], np.int32)], (1, 4, 1, 1), keepDims=True)
    gate = b.op("LOGISTIC", [b.conv(b.transpose(mean, 0, 2, 3, 1), 4)], (1, 1, 1, 4))
    y = b.op("MUL", [y, b.transpose(gate, 0, 3, 1, 2)], y.shape)
    flat = b.reshape(y, 1, y.shape[1] * y.shape[2] * y.shape[3])
    return b.graph(b.op("BATCH_MATMUL", [flat, b.values(flat.shape[1], 5)], (1, 5)))


def test_a_small_network_comes_out_clean() -> None:
    graph = small_network()
    before = run(graph)
    result = clean(graph)
    assert kinds(graph) == ["CONV_2D", "MEAN", "CONV_2D", "LOGISTIC", "MUL", "RESHAPE", "FULLY_CONNECTED"]
    assert result.output_permutations == {graph.outputs[0].name: (0, 1)}
    assert result.fired["fold_pads"] == 1
    np.testing.assert_allclose(run(graph)[0], before[0], rtol=1e-4, atol=1e-4)


def test_the_same_graph_gives_the_same_bytes() -> None:
    first, second = small_network(), small_network()
    clean(first)
    clean(second)
    assert encode(first) == encode(second)


def test_a_clean_graph_stays_as_it_is() -> None:
    graph = small_network()
    clean(graph)
    content = encode(graph)
    clean(graph)
    assert encode(graph) == content


def test_every_rewrite_has_a_title_of_its_own_for_people() -> None:
    rewrites = {rewrite.__name__ for rewrite in (*BEFORE_LAYOUT, *AFTER_LAYOUT, *AT_THE_END)}
    assert rewrites == set(TITLES)
    assert len(set(TITLES.values())) == len(TITLES)


def test_every_rewrite_says_what_becomes_of_what() -> None:
    for rewrite in (*BEFORE_LAYOUT, *AFTER_LAYOUT, *AT_THE_END):
        assert rewrite.__doc__
        assert rewrite.__module__.startswith("dlpuconv_backends.cleanup.")

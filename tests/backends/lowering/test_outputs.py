"""Outputs have the types and shapes of the source model."""

from __future__ import annotations

import numpy as np
import onnx.parser
import pytest

from dlpuconv.frontends import SourceOptions, load
from dlpuconv.passes import normalize
from dlpuconv_backends.lowering import lower
from dlpuconv_backends.lowering.measure import Array, run_graph


def outputs(graph: str, **feed: Array) -> list[Array]:
    """What the lowered graph of a model in ONNX's text form gives."""
    proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 20]> g {graph}')
    normal, _ = normalize(load(proto, SourceOptions(input_shapes={name: x.shape for name, x in feed.items()})))
    return list(run_graph(lower(normal, layouts={}).graph, feed).values())


@pytest.mark.slow
def test_integers_of_64_bits_stay_such() -> None:
    a, b = np.array([1, 5, -7]), np.array([2, 4, -8])
    (made,) = outputs("(int64[3] a, int64[3] b) => (int64[3] y) { y = Max(a, b) }", a=a, b=b)
    assert made.dtype == np.int64
    assert made.tolist() == [2, 5, -7]


@pytest.mark.slow
def test_a_number_is_no_vector_of_one() -> None:
    x = np.array([[1, 2], [3, 4]], np.float32)
    (made,) = outputs("(float[2,2] x) => (float y) { y = Det(x) }", x=x)
    assert made.shape == ()
    assert made == pytest.approx(-2.0)


@pytest.mark.slow
def test_indices_may_count_from_the_end() -> None:
    x, i = np.array([[1, 2, 3]], np.float32), np.array([[-1, 0, -3]])
    text = "(float[1,3] x, int64[1,3] i) => (float[1,3] y) { y = GatherElements<axis=1>(x, i) }"
    assert outputs(text, x=x, i=i)[0].tolist() == [[3, 1, 1]]


@pytest.mark.slow
def test_elements_are_scattered_to_computed_places() -> None:
    x, i, u = np.zeros((1, 5), np.float32), np.array([[1, -2]]), np.array([[7, 8]], np.float32)
    text = "(float[1,5] x, int64[1,2] i, float[1,2] u) => (float[1,5] y) { y = ScatterElements<axis=1>(x, i, u) }"
    assert outputs(text, x=x, i=i, u=u)[0].tolist() == [[0, 7, 0, 8, 0]]

"""An ONNX graph as the quantizer's network keeps to the contract of networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv_backends.onnx_qdq.graph import Graph
from dlpuconv_backends.onnx_qdq.legalize import legalize
from dlpuconv_backends.onnx_qdq.network import OnnxNetwork
from tests.backends.onnx_qdq.models import model, weights
from tests.network.contract import every_check

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.ir import Model
    from dlpuconv.network import Network


def network(of: Model) -> OnnxNetwork:
    return OnnxNetwork(Graph.of(legalize(of)[0]))


def separable() -> Model:
    """A layer with a clip, a depthwise and a pointwise one, a residual sum, a dense layer behind a flattened pool."""
    return model(
        """(float[1,4,8,8] x) => (float[1,5] y) {
            a = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(x, w1, b1)
            b = Clip(a, zero, six)
            c = Conv<group = 6, pads = [1, 1, 1, 1]>(b, w2, b2)
            d = Relu(c)
            e = Conv(d, w3, b3)
            f = Add(e, b)
            g = GlobalAveragePool(f)
            h = Reshape(g, flat)
            y = Gemm<transB = 1>(h, w4, b4)
        }""",
        {
            "w1": weights(6, 4, 3, 3, seed=1), "b1": weights(6, seed=2), "w2": weights(6, 1, 3, 3, seed=3),
            "b2": weights(6, seed=4), "w3": weights(6, 6, 1, 1, seed=5), "b3": weights(6, seed=6),
            "w4": weights(5, 6, seed=7), "b4": weights(5, seed=8), "flat": [1, -1], "zero": np.float32(0),
            "six": np.float32(6),
        },
    )  # fmt: skip


def branches() -> Model:
    """Groups, dilation, a transposed layer, parts that are joined and cut, gates, and a second output."""
    return model(
        """(float[1,4,6,6] x) => (float[1,6,12,12] y, float[1,3,6,6] z) {
            a = Conv<group = 2, pads = [2, 2, 2, 2], dilations = [2, 2]>(x, w1)
            s = Sigmoid(a)
            b = Mul(a, s)
            c = Concat<axis = 1>(b, x)
            z = Slice(c, start, end, axis)
            h = HardSwish(c)
            y = ConvTranspose<strides = [2, 2]>(h, w2, b2)
        }""",
        {
            "w1": weights(6, 2, 3, 3, seed=1), "w2": weights(10, 6, 2, 2, seed=2), "b2": weights(6, seed=3),
            "start": [2], "end": [5], "axis": [1],
        },
    )  # fmt: skip


def attention() -> Model:
    """Products of matrices with and without a bias, a normalization, softmax; a constant that scales."""
    return model(
        """(float[1,6,8] x) => (float[1,6,8] y) {
            q0 = MatMul(x, wq)
            q = Add(q0, bq)
            k = MatMul(x, wk)
            v = MatMul(x, wv)
            t = Transpose<perm = [0, 2, 1]>(k)
            s = MatMul(q, t)
            n = Mul(s, half)
            p = Softmax<axis = -1>(n)
            o = MatMul(p, v)
            r = Add(o, x)
            m = ReduceMean<keepdims = 1>(r, last)
            d = Sub(r, m)
            e = Mul(d, d)
            var = ReduceMean<keepdims = 1>(e, last)
            eps = Add(var, tiny)
            root = Sqrt(eps)
            inv = Reciprocal(root)
            y = Mul(d, inv)
        }""",
        {
            "wq": weights(8, 8, seed=1), "bq": weights(8, seed=2), "wk": weights(8, 8, seed=3),
            "wv": weights(8, 8, seed=4), "half": np.float32(0.5), "last": [2], "tiny": np.float32(1e-5),
        },
    )  # fmt: skip


@pytest.mark.parametrize("make", [separable, branches, attention])
@every_check
def test_an_onnx_graph_keeps_to_the_contract_of_a_network(
    make: Callable[[], Model], check: Callable[[Network], None]
) -> None:
    check(network(make()))


def test_bias_and_clip_belong_to_their_layer() -> None:
    first, *_ = network(separable()).nodes
    assert first.kind == "Conv+Clip"
    assert first.layer is not None
    assert first.layer.bias is not None
    assert first.layer.activation.rectifies
    assert first.layer.activation.clip == 6.0
    assert first.layer.weights is not None
    assert first.layer.weights.shape == (6, 3, 3, 4)


def test_a_normalization_is_one_node() -> None:
    nodes = network(attention()).nodes
    assert nodes[-1].kind == "Add+ReduceMean+Sub+Mul+ReduceMean+Add+Sqrt+Reciprocal+Mul"
    assert [v.name for v in nodes[-1].activations] == ["o", "x"]


def test_channels_of_a_map_lie_last() -> None:
    found = network(separable())
    shapes = {v.name: v.shape for v in found.values() if not v.is_constant}
    assert shapes["x"] == (1, 8, 8, 4)
    assert shapes["b"] == (1, 4, 4, 6)
    assert shapes["y"] == (1, 5)


def test_flattened_channels_are_tied_to_their_map() -> None:
    source = model(
        "(float[1,3,2,2] x) => (float[1,12] y) { a = Relu(x) \n c = Conv(a, w) \n y = Reshape(c, flat) }",
        {"w": weights(3, 3, 1, 1), "flat": [1, 12]},
    )
    ties = network(source).nodes[-1].meaning.ties
    assert ties is not None
    (tie,) = ties
    assert tie.one.name == "y"
    assert tie.as_channels.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]

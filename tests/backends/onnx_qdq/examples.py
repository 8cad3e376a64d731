"""Models that have something of everything, as networks and quantized."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.calibration import StatisticsCache
from dlpuconv.display.progress import Silent
from dlpuconv.quantization.given import Given
from dlpuconv.quantization.quantizer import Quantizer
from dlpuconv.quantization.recipe import Recipe
from dlpuconv.scheme import Coding, Granularity, Numbers, Scheme
from dlpuconv_backends.onnx_qdq.emission import emit
from dlpuconv_backends.onnx_qdq.graph import OnnxGraph
from dlpuconv_backends.onnx_qdq.integer_network import IntegerNetwork
from dlpuconv_backends.onnx_qdq.legalize import legalize
from dlpuconv_backends.onnx_qdq.network import DEFAULT, OnnxNetwork, Session
from tests.backends.onnx_qdq.models import model, weights
from tests.network.contract import made_up, values_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.ir import Model
    from dlpuconv.network import Network
    from dlpuconv_backends.onnx_qdq.emission import Emitted

SCHEME = Scheme(numbers=Numbers.INT8, weights=Granularity.PER_CHANNEL, activation_codes=DEFAULT)
PLAIN = Recipe(granularity=Granularity.PER_CHANNEL)


def network(of: Model, coding: Coding = DEFAULT) -> OnnxNetwork:
    """The legal float network."""
    return OnnxNetwork(OnnxGraph.of(legalize(of)[0]), coding)


def quantizer(of: Network, samples: int = 8) -> Quantizer:
    """Calibrated on values from -1 to 1."""
    feeds = made_up(of, samples)
    given = Given(
        feeds=lambda: iter(feeds),
        samples=samples,
        evidence=samples,
        digest="",
        cache=StatisticsCache(),
        progress=Silent(),
    )
    return Quantizer(of, given, lambda quantized: IntegerNetwork(emit(quantized)))


def emitted(of: Model, scheme: Scheme = SCHEME, recipe: Recipe = PLAIN) -> Emitted:
    """The file's graph, and the integer network."""
    found = quantizer(network(of, scheme.activation_codes)).quantize(recipe, scheme)
    return emit(found.quantized)


def exactness(of: Model, made: Emitted) -> list[float]:
    """Decibels of each output in ONNX Runtime, beside the float network."""
    exact = network(of)
    feeds = made_up(exact, 3)
    run = Session(made.graph, exact.inputs, exact.outputs)
    pairs = [zip(values_of(exact, feed, exact.outputs), run(feed), strict=True) for feed in feeds]
    by_output = zip(*pairs, strict=True)
    return [_decibels(output) for output in by_output]


def _decibels(pairs: Any) -> float:
    signal, noise = (sum(float(np.square(v).sum()) for v in values) for values in zip(*_errors(pairs), strict=True))
    return float(10 * np.log10(signal / max(noise, 1e-30)))


def _errors(pairs: Any) -> list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    return [(exact, exact - found) for exact, found in pairs]


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

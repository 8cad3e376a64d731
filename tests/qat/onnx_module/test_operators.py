"""Operators of ONNX in torch: each computes what ONNX Runtime does, for one sample and for several."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from dlpuconv.frontends import SourceOptions, load
from dlpuconv.ir import Model
from dlpuconv.qat.onnx_module.build import module_of
from tests.error_ids import raises_error
from tests.passes.rewriting import Array, floats, ints, model, positive, random, scalar

torch = pytest.importorskip("torch")

MAP = "float[1,4,6,9] x"

NETWORKS: dict[str, tuple[str, str, dict[str, Array]]] = {
    # name: (input, nodes that make y, constants)
    "conv": (MAP, "y = Conv<pads=[1,0,1,0], strides=[2,1]>(x, w, b)", {"w": random(6, 4, 3, 3), "b": random(6)}),
    "conv padded unevenly": (MAP, "y = Conv<pads=[0,1,1,2]>(x, w)", {"w": random(6, 4, 3, 3)}),
    "depthwise conv": (MAP, "y = Conv<group=4, dilations=[2,2]>(x, w)", {"w": random(8, 1, 3, 3)}),
    "conv of one axis": ("float[1,4,9] x", "y = Conv<pads=[1,1]>(x, w)", {"w": random(3, 4, 3)}),
    "transposed conv": (
        MAP, "y = ConvTranspose<strides=[2,2], pads=[1,1,1,1], output_padding=[1,1]>(x, w, b)",
        {"w": random(4, 5, 3, 3), "b": random(5)},
    ),
    "transposed conv cut unevenly": (
        MAP, "y = ConvTranspose<strides=[2,2], pads=[0,1,1,2], group=2>(x, w)", {"w": random(4, 5, 3, 3)}
    ),
    "gemm": ("float[1,7] x", "y = Gemm<transB=1>(x, w, b)", {"w": random(5, 7), "b": random(5)}),
    "gemm of a matrix as it is": (
        "float[1,7] x", "y = Gemm<alpha=2.0, beta=3.0>(x, w, b)", {"w": random(7, 5), "b": random(1, 5)}
    ),
    "product with a matrix": ("float[1,3,7] x", "y = MatMul(x, w)", {"w": random(7, 5)}),
    "product of two values": ("float[1,3,7] x", "t = Transpose<perm=[0,2,1]>(x) y = MatMul(x, t)", {}),
    "product with a stack": ("float[1,2,3,7] x", "y = MatMul(x, w)", {"w": random(2, 7, 5)}),
    "prelu": (MAP, "y = PRelu(x, s)", {"s": random(4, 1, 1)}),
    "prelu of one slope": (MAP, "y = PRelu(x, s)", {"s": random(1)}),
    "prelu of a slope for each place": (MAP, "y = PRelu(x, s)", {"s": random(6, 9)}),
    "max pool": (MAP, "y = MaxPool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(x)", {}),
    "max pool padded unevenly": (MAP, "y = MaxPool<kernel_shape=[2,3], pads=[0,1,1,0]>(x)", {}),
    "max pool rounded up": (MAP, "y = MaxPool<kernel_shape=[2,2], strides=[2,2], ceil_mode=1>(x)", {}),
    "average pool": (MAP, "y = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>(x)", {}),
    "average pool that counts pads": (
        MAP, "y = AveragePool<kernel_shape=[3,3], pads=[0,1,1,1], count_include_pad=1>(x)", {}
    ),
    "average pool padded unevenly": (MAP, "y = AveragePool<kernel_shape=[3,3], pads=[0,1,1,1]>(x)", {}),
    "pools of whole maps": (MAP, "a = GlobalAveragePool(x) m = GlobalMaxPool(x) y = Add(a, m)", {}),
    "nearest resize": (
        MAP, 'y = Resize<mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor">(x,,k)',
        {"k": floats(1, 1, 2, 3)},
    ),
    "nearest resize around the middle": (MAP, 'y = Resize<mode="nearest">(x,,k)', {"k": floats(1, 1, 2, 3)}),
    "linear resize": (MAP, 'y = Resize<mode="linear">(x,,k)', {"k": floats(1, 1, 2, 2)}),
    "linear resize of corners": (
        MAP, 'y = Resize<mode="linear", coordinate_transformation_mode="align_corners">(x,,,k)',
        {"k": ints(1, 4, 9, 11)},
    ),
    "linear resize from the left": (
        MAP, 'y = Resize<mode="linear", coordinate_transformation_mode="asymmetric">(x,,k)', {"k": floats(1, 1, 2, 2)}
    ),
    "cubic resize": (MAP, 'y = Resize<mode="cubic">(x,,k)', {"k": floats(1, 1, 2, 2)}),
    "resize that shrinks": (MAP, 'y = Resize<mode="nearest">(x,,,k)', {"k": ints(1, 4, 4, 5)}),
    "sums and products": (MAP, "a = Add(x, c) b = Mul(a, x) d = Sub(c, b) y = Div(d, p)",
                          {"c": random(4, 1, 1), "p": positive(9)}),
    "largest and smallest": (MAP, "a = Max(x, c, d) y = Min(a, d)", {"c": random(4, 1, 1), "d": random(9)}),
    "choice": (MAP, "a = Greater(x, c) y = Where(a, x, c)", {"c": random(4, 1, 1)}),
    "functions": (
        MAP, "a = Abs(x) b = Sqrt(a) c = Exp(b) d = Log(c) e = Neg(d) f = Erf(e) g = Tanh(f) y = Floor(g)", {}
    ),
    "clip": (MAP, "y = Clip(x, lo, hi)", {"lo": scalar(-0.5), "hi": scalar(0.75)}),
    "cast": (MAP, "a = Cast<to=6>(x) y = Cast<to=1>(a)", {}),
    "clip to six": (MAP, "a = Add(x, c) y = Clip(a, lo, hi)", {"lo": scalar(0), "hi": scalar(6), "c": scalar(4)}),
    "clip from below": (MAP, "y = Clip(x, lo)", {"lo": scalar(0.25)}),
    "hard activations": (MAP, "a = HardSigmoid<alpha=0.16666667>(x) b = HardSigmoid(a) y = HardSwish(b)", {}),
    "smooth activations": (
        MAP,
        'a = Sigmoid(x) b = Mish(a) c = Softplus(b) d = Softsign(c) e = Gelu(d) y = Gelu<approximate="tanh">(e)', {},
    ),
    "leaking activations": (MAP, "a = LeakyRelu<alpha=0.2>(x) b = Elu<alpha=0.7>(a) y = Relu(b)", {}),
    "shares": (MAP, "a = Softmax<axis=1>(x) y = LogSoftmax(a)", {}),
    "means": (MAP, "y = ReduceMean<keepdims=0>(x, k)", {"k": ints(2, 3)}),
    "mean of a sample": (MAP, "y = ReduceMean(x)", {}),
    "reductions": (MAP, "a = ReduceMax(x, k) b = ReduceMin(x, k) c = ReduceSum(x, k) d = Add(a, b) y = Add(c, d)",
                   {"k": ints(-1)}),
    "concat": (MAP, "y = Concat<axis=1>(x, x)", {}),
    "concat with a constant": ("float[1,3,7] x", "y = Concat<axis=1>(c, x)", {"c": random(1, 1, 7)}),
    "channels to pixels": (MAP, "y = DepthToSpace<blocksize=2>(x)", {}),
    "channels to pixels, columns first": (MAP, 'y = DepthToSpace<blocksize=2, mode="CRD">(x)', {}),
    "pixels to channels": ("float[1,4,6,8] x", "y = SpaceToDepth<blocksize=2>(x)", {}),
    "expand": ("float[1,4,1,9] x", "y = Expand(x, k)", {"k": ints(1, 4, 6, 9)}),
    "gather": (MAP, "y = Gather<axis=3>(x, k)", {"k": ints(3, -1, 0)}),
    "reshape": (MAP, "a = Reshape(x, k) b = Flatten(a) y = Reshape(b, m)", {"k": ints(24, 9), "m": ints(1, 9, 24)}),
    "pad": (MAP, "y = Pad(x, k, v)", {"k": ints(0, 0, 1, 2, 0, 1, 0, 3), "v": scalar(0.5)}),
    "reflection": (MAP, 'y = Pad<mode="reflect">(x, k)', {"k": ints(0, 0, 1, 2, 0, 0, 0, 3)}),
    "repeated edge": (MAP, 'y = Pad<mode="edge">(x, k)', {"k": ints(0, 0, 1, 2, 0, 0, 0, 3)}),
    "slice": (MAP, "y = Slice(x, s, e, a, t)", {"s": ints(1, -8), "e": ints(4, 99), "a": ints(1, 3), "t": ints(2, 3)}),
    "slice backwards": (
        MAP, "y = Slice(x, s, e, a, t)",
        {"s": ints(-1, 4), "e": ints(-99, 0), "a": ints(3, 2), "t": ints(-2, -1)},
    ),
    "transpose": (MAP, "y = Transpose<perm=[0,3,1,2]>(x)", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_an_operator_computes_what_onnx_runtime_does(name: str) -> None:
    declared, nodes, constants = NETWORKS[name]
    network = _read(declared, nodes, constants)
    session = onnxruntime.InferenceSession(network.to_bytes(), providers=["CPUExecutionProvider"])
    two = random(2, *session.get_inputs()[0].shape[1:])
    expected = [session.run(None, {"x": sample[None]})[0] for sample in two]
    module = module_of(network)
    with torch.no_grad():
        one, both = (module(torch.from_numpy(x)).numpy() for x in (two[:1], two))
    np.testing.assert_allclose(one, expected[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(both.ravel(), np.stack(expected).ravel(), rtol=1e-5, atol=1e-5)


def test_operators_that_torch_has_not_are_named_together() -> None:
    network = _read(MAP, "a = Selu(x) y = LRN<size=3>(a)", {})
    with raises_error("module-not-possible", "Selu 'Selu_0', LRN 'LRN_1'"):
        module_of(network)


def test_a_bound_that_is_computed_is_no_bound_that_is_missing() -> None:
    network = _read(MAP, "l = ReduceMin<keepdims=0>(x) y = Clip(x, l)", {})
    with raises_error("module-not-possible", "Clip 'Clip_1'", "input 1"):
        module_of(network)


def _read(declared: str, nodes: str, constants: dict[str, Array]) -> Model:
    """With the shapes of all values."""
    proto = model(f"({declared}) => (float y) {{ {nodes} }}", **constants).to_proto()
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    return load(proto, SourceOptions())

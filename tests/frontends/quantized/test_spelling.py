"""QLinear operators are read as the operators of real numbers that they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from tests.error_ids import raises_error
from tests.frontends.quantized.support import both, quantized
from tests.frontends.support import operators, read, run

X = np.linspace(-3, 3, 32, dtype=np.float32).reshape(1, 2, 4, 4)
ENDS = "q = QuantizeLinear(x, s, z) {} y = DequantizeLinear(r, t, v)"
NUMBERS = "float s = {0.05}, uint8 z = {120}, float t = {0.043}, uint8 v = {90}"
STEP = 0.043 * 1.001


@pytest.mark.parametrize(
    ("middle", "more", "wanted"),
    [
        (
            "r = QLinearConv(q, s, z, w, ws, wz, t, v, b)",
            ", int8[2,2,1,1] w = {1, -2, 3, 4}, float[2] ws = {0.3, 0.1}, int8[2] wz = {0, 0}, int32[2] b = {7, -9}",
            "Conv",
        ),
        ("r = com.microsoft.QLinearAdd(q, s, z, q, s, z, t, v)", "", "Add"),
        ("r = com.microsoft.QLinearMul(q, s, z, k, s, z, t, v)", ", uint8 k = {140}", "Mul"),
        ("r = com.microsoft.QLinearSigmoid(q, s, z, t, v)", "", "Sigmoid"),
        ("r = com.microsoft.QLinearLeakyRelu<alpha = 0.25>(q, s, z, t, v)", "", "LeakyRelu"),
        ("r = com.microsoft.QLinearSoftmax<axis = -1, opset = 21>(q, s, z, t, v)", "", "Softmax"),
        ("r = com.microsoft.QLinearGlobalAveragePool<channels_last = 0>(q, s, z, t, v)", "", "GlobalAveragePool"),
        ("r = com.microsoft.QLinearAveragePool<kernel_shape = [2, 2]>(q, s, z, t, v)", "", "AveragePool"),
        ("r = com.microsoft.QLinearConcat<axis = 1>(t, v, q, s, z, q, s, z)", "", "Concat"),
        (
            "r = com.microsoft.QLinearWhere(c, q, s, z, k, s, z, t, v)",
            ", bool[4] c = {1, 0, 1, 0}, uint8 k = {140}",
            "Where",
        ),
    ],
)
def test_an_operator_of_codes_is_one_of_real_numbers(middle: str, more: str, wanted: str) -> None:
    proto = quantized(ENDS.format(middle), NUMBERS + more)
    model = read(proto)
    assert operators(model) == [wanted]
    assert set(model.scales.activations) >= {"x", "y"}
    (integers,), (real,) = both(proto, x=X)
    assert np.abs(integers - real).max() <= STEP  # integer kernels round the result in another way
    assert np.mean(integers == real) > 0.9


@pytest.mark.parametrize("opset", [13, 21])
def test_a_mean_has_its_axes_where_the_opset_wants_them(opset: int) -> None:
    nodes = ENDS.format("r = com.microsoft.QLinearReduceMean<axes = [1], keepdims = 1>(q, s, z, t, v)")
    (found,) = run(read(quantized(nodes, NUMBERS, takes="float[1,4] x", opset=opset)), x=X.reshape(8, 4)[:1])
    np.testing.assert_allclose(found, X.reshape(8, 4)[:1].mean(keepdims=True), rtol=1e-6)


@pytest.mark.parametrize("transposed", [0, 1])
def test_a_gemm_has_its_bias_scaled_by_alpha(transposed: int) -> None:
    weights = "int8[4,2] w" if not transposed else "int8[2,4] w"
    proto = quantized(
        ENDS.format(f"r = com.microsoft.QGemm<alpha = 0.5, transB = {transposed}>(q, s, z, w, ws, wz, b, t, v)"),
        f"{NUMBERS}, {weights} = {{1, -2, 3, 4, 5, 6, -7, 8}}, float[2] ws = {{0.3, 0.1}}, int8[2] wz = {{0, 0}},"
        " int32[2] b = {40, -90}",
        takes="float[1,4] x",
    )
    (integers,), (real,) = both(proto, x=X.reshape(8, 4)[2:3])
    assert np.abs(integers - real).max() <= STEP


def test_a_gemm_may_give_real_numbers() -> None:
    proto = quantized(
        "q = QuantizeLinear(x, s, z) [layer] y = com.microsoft.QGemm(q, s, z, w, ws, wz)",
        f"{NUMBERS}, int8[4,2] w = {{1, -2, 3, 4, 5, 6, -7, 8}}, float ws = {{0.5}}, int8 wz = {{0}}",
        takes="float[1,4] x",
    )
    (integers,), (real,) = both(proto, x=X.reshape(8, 4)[2:3])
    np.testing.assert_allclose(integers, real, atol=1e-5)
    assert set(read(proto).scales.weights) == {"layer"}


def test_a_matmul_has_a_scale_for_each_column() -> None:
    proto = quantized(
        ENDS.format("[layer] r = QLinearMatMul(q, s, z, w, ws, wz, t, v)"),
        f"{NUMBERS}, int8[4,2] w = {{1, -2, 3, 4, 5, 6, -7, 8}}, float[2] ws = {{0.3, 0.1}}, int8[2] wz = {{0, 0}}",
        takes="float[1,4] x",
    )
    affine = read(proto).scales.weights["layer"].affine
    assert (affine.axis, len(affine.scales)) == (1, 2)
    (integers,), (real,) = both(proto, x=X.reshape(8, 4)[2:3])
    assert np.abs(integers - real).max() <= STEP


def test_saturation_behind_a_convolution_of_codes_is_a_relu() -> None:
    proto = quantized(
        ENDS.format("[conv] r = QLinearConv(q, s, z, w, ws, wz, t, v)"),
        "float s = {0.05}, uint8 z = {120}, float t = {0.04}, uint8 v = {0}, int8[1,2,1,1] w = {1, -2},"
        " float ws = {0.3}, int8 wz = {0}",
    )
    assert operators(read(proto)) == ["Conv", "Relu"]


def test_channels_last_is_refused() -> None:
    nodes = ENDS.format("r = com.microsoft.QLinearAveragePool<kernel_shape = [2, 2], channels_last = 1>(q, s, z, t, v)")
    with raises_error("quantization-unreadable", "channels last"):
        read(quantized(nodes, NUMBERS))


def test_pairs_of_microsofts_domain_are_pairs() -> None:
    proto = quantized(
        "q = com.microsoft.QuantizeLinear(x, s, z) d = com.microsoft.DequantizeLinear(q, s, z) y = Sigmoid(d)",
        "float s = {0.5}, uint16 z = {7}",
    )
    assert operators(read(proto)) == ["Sigmoid"]
    assert read(proto).scales.activations["x"].codes.name == "uint16"

"""Models that quantize their activations at run time are read as float models with quantized weights."""

from __future__ import annotations

import numpy as np

from tests.frontends.quantized.support import quantized
from tests.frontends.support import operators, read, run

X = np.linspace(-3, 3, 32, dtype=np.float32).reshape(1, 2, 4, 4)
SCALED = "f = Cast<to = 1>(i) t = Mul(s, w_s) y = Mul(f, t)"


def test_a_dynamic_matrix_product_states_the_scale_of_its_weights() -> None:
    proto = quantized(
        f"q, s, z = DynamicQuantizeLinear(x) [layer] i = MatMulInteger(q, w, z, w_z) {SCALED}",
        "int8[4,2] w = {1, -2, 3, 4, 5, 6, -7, 8}, float[2] w_s = {0.5, 0.25}, int8[2] w_z = {0, 0}",
    )
    model = read(proto)
    assert operators(model) == ["MatMul"]
    affine = model.scales.weights["layer"].affine
    assert (affine.scales, affine.axis) == ((0.5, 0.25), 1)
    assert model.scales.told == ("one layer quantizes what it reads at run time: those scales are fitted anew",)
    (integers,), (real,) = run(proto.SerializeToString(), x=X), run(model, x=X)
    assert np.abs(integers - real).max() <= 3 / 255 * 22 * 0.5 + 1e-6  # half a step of x, times the largest row sum


def test_a_dynamic_convolution_does() -> None:
    proto = quantized(
        f"q, s, z = DynamicQuantizeLinear(x) [layer] i = ConvInteger<pads = [0, 0, 1, 1]>(q, w, z, w_z) {SCALED}",
        "uint8[1,2,2,2] w = {1, 2, 3, 4, 5, 6, 7, 8}, float w_s = {0.5}, uint8 w_z = {4}",
    )
    model = read(proto)
    assert operators(model) == ["Conv"]
    assert model.scales.weights["layer"].affine.zero_point == 4
    (integers,), (real,) = run(proto.SerializeToString(), x=X), run(model, x=X)
    assert np.abs(integers - real).max() <= 3 / 255 * 20 * 0.5 + 1e-6

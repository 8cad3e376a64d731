"""What a user is told of a quantized model."""

from __future__ import annotations

import numpy as np
import pytest

import dlpuconv
from dlpuconv.calibration import Preprocessing
from dlpuconv.workflow.stated import pixels_of, told_of_scales
from tests.error_ids import raises_error
from tests.frontends.quantized.support import quantized
from tests.frontends.support import conv, read

LAYERS = """
    q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z)
    w = DequantizeLinear(w_q, s, z) a = Conv(d, w) b = Conv(a, v) t = Transpose(b) y = MatMul(t, a)
"""
CONSTANTS = "float s = {0.5}, int8 z = {0}, int8[2,2,1,1] w_q = {1, 2, 3, 4}, float[2,2,1,1] v = {1.0, 2.0, 3.0, 4.0}"


def test_layers_that_state_scales_are_counted_among_those_with_weights() -> None:
    model = read(quantized(LAYERS.replace("Transpose", "Transpose<perm = [0, 1, 3, 2]>"), CONSTANTS))
    assert told_of_scales(model) == ("the model is quantized: 1 of 2 layers state their scales",)


def test_of_a_float_model_there_is_nothing_to_tell() -> None:
    assert told_of_scales(read(conv())) == ()


def test_a_product_of_activations_has_no_weights_where_a_constant_is_joined_to_one() -> None:
    """As a transformer's token, which stands first among what is computed."""
    layers = LAYERS.replace("t = Transpose(b)", "j = Concat<axis = 2>(k, b) t = Transpose<perm = [0, 1, 3, 2]>(j)")
    token = ", ".join(["1.0"] * 8)
    model = read(
        quantized(layers.replace("MatMul(t, a)", "MatMul(t, j)"), f"{CONSTANTS}, float[1,2,1,4] k = {{{token}}}")
    )
    assert told_of_scales(model) == ("the model is quantized: 1 of 2 layers state their scales",)


@pytest.mark.parametrize(
    ("codes", "zero_point", "scale", "mean", "std"),
    [("uint8", 114, 0.5, 114, 2), ("int8", -1, 0.25, 127, 4), ("int8", 0, 1.0, 128, 1), ("uint16", 0, 1 / 257, 0, 1)],
)
def test_pixels_fill_the_range_of_a_quantized_pictures_input(
    codes: str, zero_point: int, scale: float, mean: float, std: float
) -> None:
    nodes = "q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) y = Relu(d)"
    constants = f"float s = {{{scale}}}, {codes} z = {{{zero_point}}}"
    model = read(quantized(nodes, constants, takes="float[1,3,8,8] x"))
    found = pixels_of(model, model.signature, Preprocessing())
    assert (*found.mean, *found.std) == pytest.approx((mean, std))
    assert not found.stated
    given = Preprocessing(mean=(1.0,), std=(2.0,), stated=True)
    assert pixels_of(model, model.signature, given) is given


@pytest.mark.parametrize("moves", ["i = Identity(x)", "t = Identity(x) i = Transpose<perm = [0, 2, 3, 1]>(t)"])
def test_an_input_of_floats_has_the_range_that_is_stated_of_the_same_values_behind_it(moves: str) -> None:
    """As of a TFLite file of int8 that takes floats: its first operator is a QUANTIZE."""
    nodes = f"{moves} q = QuantizeLinear(i, s, z) d = DequantizeLinear(q, s, z) y = Relu(d)"
    model = read(quantized(nodes, "float s = {0.5}, uint8 z = {114}", takes="float[1,3,8,8] x"))
    found = pixels_of(model, model.signature, Preprocessing())
    assert (found.mean, found.std) == ((114.0,), (2.0,))


@pytest.mark.parametrize("between", ["i = Neg(x)", "a = Neg(x) i = Add(x, a)"])
def test_a_range_that_is_stated_of_other_values_is_not_the_inputs(between: str) -> None:
    nodes = f"{between} q = QuantizeLinear(i, s, z) d = DequantizeLinear(q, s, z) y = Relu(d)"
    model = read(quantized(nodes, "float s = {0.5}, uint8 z = {114}", takes="float[1,3,8,8] x"))
    assert pixels_of(model, model.signature, Preprocessing()) == Preprocessing()


def test_a_float_model_says_nothing_of_pixels() -> None:
    model = read(conv())
    assert pixels_of(model, model.signature, Preprocessing()) == Preprocessing()


def _takes(low_code: str) -> object:
    """A source whose picture has the codes of uint8 with a scale of 1/128."""
    nodes = """
        q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) r = Relu(d)
        p = QuantizeLinear(r, s, z) y = DequantizeLinear(p, s, z)
    """
    return quantized(nodes, f"float s = {{0.0078125}}, uint8 z = {{{low_code}}}", takes="float[1,3,8,8] x")


def test_samples_that_the_stated_range_of_a_quantized_source_would_clip_are_refused() -> None:
    """uint8 with a zero point of 128 and a scale of 1/128 holds -1 to 0.9922; of 0 to 255, only 0 and 1 fit."""
    pixels = np.arange(8 * 192, dtype=np.float32).reshape(8, 3, 8, 8) % 256
    with raises_error(
        "calibration-outside-stated-range", "'x'", "0 to 255", "-1 to 0.9922", "99%", "(pixel - 128) / 128"
    ):
        dlpuconv.convert(_takes("128"), target="onnxruntime", calibration={"x": pixels})


def test_samples_of_which_the_stated_range_clips_a_part_are_taken() -> None:
    """Half of these values are above what uint8 with a zero point of 0 and a scale of 1/128 holds: 0 to 1.992."""
    values = np.tile(np.linspace(0, 3.98, 192, dtype=np.float32), 8).reshape(8, 3, 8, 8)
    made = dlpuconv.convert(_takes("0"), target="onnxruntime", calibration={"x": values}, min_sqnr=0)
    assert made.artifacts


def test_synthetic_samples_are_not_held_to_the_stated_range() -> None:
    """Those of a vector are N(0, 1), and this one may be 0 to 0.996."""
    nodes = "q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) r = Relu(d)"
    nodes += "p = QuantizeLinear(r, s, z) y = DequantizeLinear(p, s, z)"
    source = quantized(nodes, "float s = {0.00390625}, uint8 z = {0}", takes="float[1,8] x")
    assert dlpuconv.convert(source, target="artpec8", min_sqnr=0).artifacts

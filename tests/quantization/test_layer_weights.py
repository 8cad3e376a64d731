"""Weights and biases as integers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.ir.affine import INT8, INT16, UINT8, Affine
from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.network import Layer, Meaning, Node, Scales, Value
from dlpuconv.quantization.recipe import Override, Recipe, WeightScale
from dlpuconv.quantization.scales.choice import reach
from dlpuconv.quantization.weights.granularity import granularity
from dlpuconv.quantization.weights.layer import LayerWeights, Refinement, quantize_layer, with_codes
from dlpuconv.scheme import Coding, Granularity, Numbers, Scheme

CHANNEL, TENSOR = Granularity.PER_CHANNEL, Granularity.PER_TENSOR
DATA = Affine.of(0.5, -128)
PLAIN = Scheme(numbers=Numbers.INT8)
ROWS = [[1.0, -2.0], [0.5, 0.25]]


def dense(weights: Any, bias: Any = None) -> Layer:
    values = None if bias is None else np.asarray(bias, np.float32)
    return Layer(data=0, weights=np.asarray(weights, np.float32), bias=values)


def with_weights(**coding: Any) -> Scheme:
    return replace(PLAIN, weight_codes=replace(PLAIN.weight_codes, **coding))


def test_per_channel_weights_have_the_largest_weight_of_each_channel_as_127() -> None:
    layer = quantize_layer(dense(ROWS), DATA, CHANNEL, PLAIN)
    assert layer.weights.tolist() == [[64, -127], [127, 64]]
    assert np.allclose(layer.affine.scales, [2 / 127, 0.5 / 127])
    assert layer.affine.zero_points == (0, 0)
    assert layer.weights.dtype == np.int8


def test_per_tensor_weights_share_the_scale_of_the_largest() -> None:
    layer = quantize_layer(dense(ROWS), DATA, TENSOR, PLAIN)
    assert layer.weights.tolist() == [[64, -127], [32, 16]]
    assert not layer.affine.per_channel


def test_unsigned_symmetric_weights_lie_around_128() -> None:
    layer = quantize_layer(dense(ROWS), DATA, CHANNEL, with_weights(type=UINT8))
    assert layer.weights.tolist() == [[192, 1], [255, 192]]
    assert layer.affine.zero_points == (128, 128)
    assert layer.weights.dtype == np.uint8


def test_asymmetric_weights_use_all_codes_from_their_lowest_to_their_highest() -> None:
    layer = quantize_layer(dense([[2.0, -0.55]]), DATA, CHANNEL, with_weights(symmetric=False))
    # a step of 2.55 / 255, and 55 of them below zero
    assert layer.affine.scale == pytest.approx(0.01)
    assert layer.affine.zero_point == -73
    assert layer.weights.tolist() == [[127, -128]]


def test_weights_of_a_reduced_range_have_seven_bits() -> None:
    layer = quantize_layer(dense([[1.2, -2.0], [0.5, 0.3]]), DATA, CHANNEL, with_weights(reduce_range=True))
    assert layer.weights.tolist() == [[38, -63], [63, 38]]


def test_weights_in_powers_of_two_have_the_next_one() -> None:
    layer = quantize_layer(dense([[1.0], [2.0]]), DATA, CHANNEL, with_weights(power_of_two=True))
    # 1 / 127 is a little more than 1 / 128
    assert layer.affine.scales == (1 / 64, 1 / 32)
    assert layer.weights.tolist() == [[64], [64]]


@pytest.mark.parametrize("largest", [127, 63])
def test_least_squares_use_the_codes_that_there_are(largest: int) -> None:
    values = np.random.default_rng(0).normal(size=(1, 4000))
    scheme = with_weights(reduce_range=largest == 63)
    found = quantize_layer(dense(values), DATA, TENSOR, scheme, Refinement(weight_scale=WeightScale.MSE))
    plain = quantize_layer(dense(values), DATA, TENSOR, scheme)
    assert np.abs(found.weights.astype(int)).max() == largest
    assert squared_error(found, values) < squared_error(plain, values)


def squared_error(layer: LayerWeights, values: Any) -> float:
    return float(np.square(layer.affine.decode(layer.weights) - values).sum())


def test_a_bias_has_the_float32_product_of_the_scales_of_input_and_weights() -> None:
    layer = quantize_layer(dense([[0.3]], [1.7]), Affine.of(float(np.float32(0.1)), 3), CHANNEL, PLAIN)
    assert layer.bias_affine is not None
    assert layer.bias is not None
    assert layer.bias_affine.scale == np.float32(np.float32(0.1) * np.float32(layer.affine.scale))
    assert abs(layer.bias[0] * layer.bias_affine.scale - 1.7) < 1e-3


def test_a_dead_channel_takes_its_neighbours_scale_and_keeps_its_bias() -> None:
    layer = quantize_layer(dense([[0.0], [1.27]], [3.0, 0.0]), DATA, CHANNEL, PLAIN)
    assert layer.dead == 1
    assert np.allclose(layer.affine.scales, 0.01)
    assert layer.bias is not None
    assert layer.bias.tolist() == [600, 0]


@pytest.mark.parametrize("codes", [INT8, INT16])
def test_a_channel_of_tiny_weights_beside_a_large_bias_gets_a_scale_that_holds_the_bias(codes: Any) -> None:
    scheme = replace(PLAIN, activation_codes=Coding(type=codes))
    layer = quantize_layer(dense([[1e-12]], [100.0]), DATA, CHANNEL, scheme)
    assert layer.repaired == 1
    assert layer.bias is not None
    assert layer.bias_affine is not None
    assert abs(layer.bias[0] * layer.bias_affine.scale - 100.0) < 1e-3
    assert abs(int(layer.bias[0])) <= 2**31 - 1


def test_a_sum_too_long_for_32_bits_gets_coarser_weights() -> None:
    layer = quantize_layer(dense(np.ones((1, 100_000)), [0.0]), DATA, CHANNEL, PLAIN)
    assert layer.repaired == 1
    assert int(np.abs(layer.weights.astype(np.int64)).sum()) * 255 < 2**31


def test_sums_of_activations_of_16_bits_are_not_held_in_32() -> None:
    scheme = replace(PLAIN, activation_codes=Coding(type=INT16))
    layer = quantize_layer(dense(np.ones((1, 100_000)), [0.0]), DATA, CHANNEL, scheme)
    assert layer.repaired == 0
    assert set(layer.weights.reshape(-1).tolist()) == {127}


@settings(max_examples=60)
@given(
    st.integers(1, 4),
    st.integers(1, 3000),
    st.floats(1e-9, 1e3),
    st.floats(0, 1e6),
    st.integers(-128, 127),
    st.sampled_from([CHANNEL, TENSOR]),
    st.booleans(),
)
def test_no_accumulator_can_leave_32_bits(
    channels: int, taps: int, size: float, bias: float, zero_point: int, kind: Granularity, symmetric: bool
) -> None:
    rng = np.random.default_rng(taps)
    data = Affine.of(0.01, zero_point)
    layer = quantize_layer(
        dense(rng.normal(0, size, (channels, taps)), rng.normal(0, bias, channels)),
        data,
        kind,
        with_weights(symmetric=symmetric),
    )
    assert layer.bias is not None
    zeros = np.asarray(layer.affine.zero_points)[:, None]
    sums = np.abs(layer.weights.astype(np.int64) - zeros).sum(axis=1) * reach(data, INT8)
    assert (sums + np.abs(layer.bias.astype(np.int64))).max() <= 2**31 - 1


def test_a_channel_whose_new_codes_could_overflow_keeps_its_old_ones() -> None:
    layer = quantize_layer(dense(np.ones((2, 70_000)) * [[0.5], [0.5]], [0.0, 0.0]), DATA, CHANNEL, PLAIN)
    codes = np.zeros((2, 70_000))
    codes[1] = 127  # 127 * 255 * 70000 is more than 2^31
    found = with_codes(layer, codes, np.array([1.0, 1.0]), DATA, PLAIN)
    assert not found.weights[0].any()
    assert np.array_equal(found.weights[1], layer.weights[1])
    assert found.bias is not None
    assert found.bias_affine is not None
    assert found.bias[0] == round(1.0 / found.bias_affine.scales[0])
    assert found.bias[1] == 0


def test_new_codes_are_counted_from_the_zero_point() -> None:
    scheme = with_weights(symmetric=False)
    layer = quantize_layer(dense([[2.0, -0.55]]), DATA, CHANNEL, scheme)
    assert with_codes(layer, np.array([[10.0, -90.0]]), None, DATA, scheme).weights.tolist() == [[-63, -128]]


def node(kind: str, by_default: bool) -> Node:
    x, y = (Value(name=name, shape=(1, 2), dtype=np.dtype(np.float32)) for name in "xy")
    layer = replace(dense(np.ones((2, 2))), by_default=by_default)
    return Node(kind=kind, inputs=(x,), outputs=(y,), meaning=Meaning(scales=Scales.FREE), layer=layer)


def test_an_override_decides_before_the_chip_and_the_chip_before_the_recipe() -> None:
    recipe = Recipe(granularity=CHANNEL, overrides=(Override("head*", CHANNEL), Override("stem", TENSOR)))
    chip = replace(PLAIN, by_operator={"dense": CHANNEL, "depthwise": TENSOR})
    plain, deep, other = node("conv", by_default=True), node("dense", by_default=False), node("depthwise", True)
    names = LayerNames(tensor="t")
    assert granularity(plain, recipe, PLAIN, names) is CHANNEL
    assert granularity(plain, recipe, PLAIN, replace(names, nodes=("stem",))) is TENSOR
    assert granularity(deep, recipe, PLAIN, names) is TENSOR
    assert granularity(deep, recipe, PLAIN, replace(names, modules=("head.0",))) is CHANNEL
    assert [granularity(n, recipe, chip, names) for n in (plain, deep, other)] == [CHANNEL, CHANNEL, TENSOR]
    assert granularity(other, recipe, chip, replace(names, modules=("head.0",))) is CHANNEL


def test_a_layer_that_is_most_of_a_network_is_quantized_as_any_other() -> None:
    rng = np.random.default_rng(0)
    large = rng.standard_normal((3, 1 << 20)).astype(np.float32)
    bias = rng.standard_normal(3).astype(np.float32)
    mean = rng.standard_normal(1 << 20)
    whole = quantize_layer(dense(large, bias), DATA, CHANNEL, PLAIN, Refinement(mean=mean))
    assert whole.bias is not None
    for channel in range(3):
        one = slice(channel, channel + 1)
        alone = quantize_layer(dense(large[one], bias[one]), DATA, CHANNEL, PLAIN, Refinement(mean=mean))
        assert whole.affine.scales[one] == alone.affine.scales
        np.testing.assert_array_equal(whole.weights[one], alone.weights)
        np.testing.assert_array_equal(whole.bias[one], alone.bias)

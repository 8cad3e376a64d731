from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.quantization import Override, Recipe
from dlpuconv.scheme import Granularity
from dlpuconv_backends.flatbuffer import Operator
from dlpuconv_backends.tflite.numbers import Parameters
from dlpuconv_backends.tflite.weights import Refinement, granularity, quantize_layer
from tests.backends.tflite.models import activation, constant

CHANNEL, TENSOR = Granularity.PER_CHANNEL, Granularity.PER_TENSOR
DATA = Parameters(0.5, -128)


def conv(weights: npt.NDArray[Any], bias: npt.NDArray[Any] | None = None, kind: str = "CONV_2D") -> Operator:
    inputs = [activation("x", 1, 4, 4, weights.shape[-1]), constant("w", weights)]
    inputs += [] if bias is None else [constant("b", bias)]
    return Operator(kind, list(inputs), [activation("y", 1, 4, 4, weights.shape[0])], schema.Conv2DOptionsT())


def test_per_channel_weights_have_the_largest_weight_of_each_channel_as_127() -> None:
    layer = quantize_layer(conv(np.array([[[[1.0, -2.0]]], [[[0.5, 0.25]]]])), DATA, CHANNEL)
    assert np.array_equal(layer.weights.reshape(2, 2), [[64, -127], [127, 64]])
    assert np.allclose(layer.affine.scale, [2 / 127, 0.5 / 127])
    assert layer.affine.axis == 0


def test_per_tensor_weights_share_the_scale_of_the_largest() -> None:
    layer = quantize_layer(conv(np.array([[[[1.0, -2.0]]], [[[0.5, 0.25]]]])), DATA, TENSOR)
    assert np.array_equal(layer.weights.reshape(2, 2), [[64, -127], [32, 16]])
    assert layer.affine.scale.size == 1


def test_depthwise_weights_have_their_channels_on_the_last_axis() -> None:
    layer = quantize_layer(conv(np.ones((1, 3, 3, 5)), np.ones(5), "DEPTHWISE_CONV_2D"), DATA, CHANNEL)
    assert layer.affine.axis == 3
    assert layer.affine.scale.size == 5


def test_a_bias_has_the_float32_product_of_the_scales_of_input_and_weights() -> None:
    layer = quantize_layer(conv(np.full((1, 1, 1, 1), 0.3), np.array([1.7])), Parameters(0.1, 3), CHANNEL)
    assert layer.bias_affine is not None
    assert layer.bias is not None
    assert layer.bias_affine.scale[0] == np.float32(np.float32(0.1) * layer.affine.scale[0])
    assert abs(layer.bias[0] * float(layer.bias_affine.scale[0]) - 1.7) < 1e-3


def test_a_dead_channel_takes_its_neighbours_scale_and_keeps_its_bias() -> None:
    layer = quantize_layer(conv(np.array([[[[0.0]]], [[[1.27]]]]), np.array([3.0, 0.0])), DATA, CHANNEL)
    assert layer.dead == 1
    assert np.allclose(layer.affine.scale, 0.01)
    assert layer.bias is not None
    assert layer.bias.tolist() == [600, 0]


def test_a_channel_of_tiny_weights_beside_a_large_bias_gets_a_scale_that_holds_the_bias() -> None:
    layer = quantize_layer(conv(np.full((1, 1, 1, 1), 1e-12), np.array([100.0])), DATA, CHANNEL)
    assert layer.repaired == 1
    assert layer.bias is not None
    assert layer.bias_affine is not None
    assert abs(layer.bias[0] * float(layer.bias_affine.scale[0]) - 100.0) < 1e-3
    assert abs(int(layer.bias[0])) < 2**31 - 1


def test_a_sum_too_long_for_32_bits_gets_coarser_weights() -> None:
    layer = quantize_layer(conv(np.ones((1, 1, 1, 100_000)), np.zeros(1)), DATA, CHANNEL)
    assert layer.repaired == 1
    assert int(np.abs(layer.weights.astype(np.int64)).sum()) * 255 < 2**31


@settings(max_examples=60)
@given(
    st.integers(1, 4),
    st.integers(1, 3000),
    st.floats(1e-9, 1e3),
    st.floats(0, 1e6),
    st.integers(-128, 127),
    st.sampled_from([CHANNEL, TENSOR]),
)
def test_no_accumulator_can_leave_32_bits(
    channels: int, taps: int, size: float, bias: float, zero_point: int, kind: Granularity
) -> None:
    rng = np.random.default_rng(taps)
    op = conv(rng.normal(0, size, (channels, 1, 1, taps)), rng.normal(0, bias, channels))
    data = Parameters(0.01, zero_point)
    layer = quantize_layer(op, data, kind)
    assert layer.bias is not None
    sums = np.abs(layer.weights.astype(np.int64)).reshape(channels, -1).sum(axis=1) * data.reach
    assert (sums + np.abs(layer.bias.astype(np.int64))).max() <= 2**31 - 1


def test_convolutions_follow_the_recipe_and_fully_connected_layers_only_an_override() -> None:
    recipe = Recipe(granularity=CHANNEL, overrides=(Override("head*", CHANNEL), Override("stem", TENSOR)))
    convolution, dense = (conv(np.ones((2, 1, 1, 2)), kind=kind) for kind in ("CONV_2D", "FULLY_CONNECTED"))
    assert granularity(convolution, recipe, LayerNames(tensor="t")) is CHANNEL
    assert granularity(convolution, recipe, LayerNames(tensor="t", nodes=("stem",))) is TENSOR
    assert granularity(dense, recipe, LayerNames(tensor="t")) is TENSOR
    assert granularity(dense, recipe, LayerNames(tensor="t", modules=("head.0",))) is CHANNEL


def test_a_layer_that_is_most_of_a_network_is_quantized_as_any_other() -> None:
    rng = np.random.default_rng(0)
    large = rng.standard_normal((3, 1, 1, 1 << 20)).astype(np.float32)
    bias = rng.standard_normal(3).astype(np.float32)
    mean = rng.standard_normal(1 << 20)
    whole = quantize_layer(conv(large, bias), DATA, CHANNEL, Refinement(mean=mean))
    assert whole.bias is not None
    for channel in range(3):
        one = slice(channel, channel + 1)
        alone = quantize_layer(conv(large[one], bias[one]), DATA, CHANNEL, Refinement(mean=mean))
        np.testing.assert_array_equal(whole.affine.scale[one], alone.affine.scale)
        np.testing.assert_array_equal(whole.weights[one], alone.weights)
        np.testing.assert_array_equal(whole.bias[one], alone.bias)

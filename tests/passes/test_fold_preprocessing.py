"""Folding a normalization: hand-computed numbers, structure, and equality in ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from dlpuconv.calibration import Preprocessing, make_preprocessing
from dlpuconv.ir import Affine
from dlpuconv.passes.fold_preprocessing import fold_preprocessing
from dlpuconv.plugin import Normalization
from tests.error_ids import raises_error
from tests.passes.folding import (
    CONV,
    EQUAL,
    EQUAL_BGR,
    OFF,
    OP,
    UNEQUAL,
    UNEQUAL_BGR,
    Graph,
    assert_equal,
    constant,
    conv_model,
    method,
    operators,
    random_weights,
    run,
)

# -- nothing to do -------------------------------------------------------------


@pytest.mark.parametrize(("made", "mode"), [(Preprocessing(), CONV), (UNEQUAL, OFF)])
def test_nothing_is_folded_unless_it_is_stated_and_wanted(made: Preprocessing, mode: Normalization) -> None:
    model = conv_model(random_weights(2, 3, 3, 3))
    result = fold_preprocessing(model, made, mode)
    assert result.model is model
    assert result.facts == {}
    assert not result.bindings["x"].raw_pixels
    np.testing.assert_array_equal(result.bindings["x"].apply(np.ones((1, 3, 6, 7), np.float32)), 1)


def test_inputs_that_are_no_images_are_left_alone() -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    model = Graph([node], {}, {"x": (1, 40)}).model()
    assert fold_preprocessing(model, EQUAL, CONV).model is model


def test_bgr_that_was_not_stated_is_worth_a_note() -> None:
    result = fold_preprocessing(conv_model(random_weights(2, 3, 3, 3)), make_preprocessing(color="bgr"), CONV)
    assert "takes BGR, a camera delivers RGB" in result.notes[0]


def test_an_input_that_is_an_output_as_well_keeps_its_values() -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    model = Graph([node], {"w": random_weights(2, 3, 1, 1)}, outputs=("y", "x")).model()
    result = fold_preprocessing(model, UNEQUAL, CONV)
    assert result.model is model
    assert method(result) == "none"
    assert "is an output as well" in result.notes[0]


def test_other_channels_than_the_input_has_are_a_usage_error() -> None:
    with raises_error("preprocessing-channels", "--mean has 3 values", "'x' has 1 channel"):
        fold_preprocessing(conv_model(random_weights(2, 1, 3, 3), shape=(1, 1, 6, 7)), UNEQUAL, CONV)


# -- by scale and zero point ---------------------------------------------------


@pytest.mark.parametrize("mode", [CONV, OP])
def test_equal_stds_and_an_equal_whole_mean_are_the_inputs_scale_and_zero_point(mode: Normalization) -> None:
    model = conv_model(random_weights(2, 3, 3, 3), pads=[1, 1, 1, 1])
    result = fold_preprocessing(model, EQUAL, mode)
    assert result.model is model
    assert result.bindings["x"].quantization == Affine.of(1 / 64, 128)
    assert method(result) == "quantization"
    assert_equal(model, result, EQUAL)


def test_the_same_in_bgr_turns_the_weights_channels() -> None:
    weights = random_weights(2, 3, 3, 3)
    model = conv_model(weights, [1, 2], pads=[1, 1, 1, 1])
    result = fold_preprocessing(model, EQUAL_BGR, CONV)
    np.testing.assert_array_equal(constant(result, 0, 1), weights[:, ::-1])
    np.testing.assert_array_equal(constant(result, 0, 2), [1, 2])
    assert result.bindings["x"].order == (2, 1, 0)
    assert result.bindings["x"].quantization == Affine.of(1 / 64, 128)
    assert_equal(model, result, EQUAL_BGR)


@pytest.mark.parametrize("mean", ["127.5", "300", "-3"])
def test_a_mean_that_is_no_zero_point_needs_the_convolution(mean: str) -> None:
    made = make_preprocessing(mean=mean, std="128")
    model = conv_model(random_weights(2, 3, 3, 3))
    result = fold_preprocessing(model, made, CONV)
    assert method(result) == "conv"
    assert_equal(model, result, made)


# -- into the first convolution ------------------------------------------------


def test_numbers_by_hand() -> None:
    """W' = W / std = 1, 1, 1; z = 20; b' = 1 + (20 - 10) + (20 - 20) + (20 - 30) = 1."""
    model = conv_model([[[[2]], [[3]], [[4]]]], [1], shape=(1, 3, 1, 1))
    result = fold_preprocessing(model, UNEQUAL, CONV)
    binding = result.bindings["x"]
    assert operators(result) == ["Conv"]
    np.testing.assert_allclose(constant(result, 0, 1).ravel(), [1, 1, 1])
    np.testing.assert_allclose(constant(result, 0, 2), [1])
    assert (binding.multiplier, binding.offset) == ((2, 3, 4), (-10, 0, 10))
    assert binding.quantization == Affine.of(1.0, 20)
    # pixels 12, 23, 34 are x = 1, 1, 1, hence y = 2 + 3 + 4 + 1
    x = np.ones((1, 3, 1, 1), np.float32)
    np.testing.assert_allclose(binding.apply(x).ravel(), [-8, 3, 14])
    np.testing.assert_allclose(run(result.model, {"x": binding.apply(x)})["y"].ravel(), [10])


def test_bgr_by_hand() -> None:
    """The camera's red is the network's channel 2: mean 30, std 4, weight 4."""
    model = conv_model([[[[2]], [[6]], [[4]]]], [1], shape=(1, 3, 1, 1))
    result = fold_preprocessing(model, UNEQUAL_BGR, CONV)
    np.testing.assert_allclose(constant(result, 0, 1).ravel(), [1, 2, 1])
    np.testing.assert_allclose([*result.bindings["x"].multiplier, *result.bindings["x"].offset], [4, 3, 2, 10, 0, -10])


def test_the_given_model_and_constants_that_others_share_are_not_changed() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="first"),
        helper.make_node("Conv", ["a", "w"], ["y"], name="second"),
    ]
    model = Graph(nodes, {"w": random_weights(3, 3, 1, 1)}).model()
    before = model.to_bytes()
    result = fold_preprocessing(model, UNEQUAL, CONV)
    assert model.to_bytes() == before
    np.testing.assert_array_equal(constant(result, 1, 1), random_weights(3, 3, 1, 1))
    assert_equal(model, result, UNEQUAL)


def test_constants_that_nobody_reads_any_more_are_gone() -> None:
    result = fold_preprocessing(conv_model(random_weights(2, 3, 3, 3), [1, 2]), UNEQUAL, CONV)
    assert len(result.model.graph.graph.initializers) == 2


def test_every_convolution_that_reads_the_input_is_rewritten() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "v"], ["a"]),
        helper.make_node("Conv", ["x", "w", "c"], ["b"], pads=[1, 1, 1, 1], strides=[1, 1]),
        helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    constants = {"v": random_weights(2, 3, 1, 1), "w": random_weights(2, 3, 3, 3), "c": random_weights(2)}
    model = Graph(nodes, constants).model()
    made = make_preprocessing(mean="50", std="2,3,4")  # the zero point 50 is every mean: nothing is lost in the padding
    result = fold_preprocessing(model, made, CONV)
    assert method(result) == "conv"
    assert result.bindings["x"].quantization == Affine.of(1.0, 50)
    assert_equal(model, result, made)


def test_a_network_of_nhwc_is_folded_through_its_transpose() -> None:
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t", "w"], ["y"]),
    ]
    model = Graph(nodes, {"w": random_weights(2, 3, 3, 3)}, {"x": (1, 6, 7, 3)}).model()
    result = fold_preprocessing(model, UNEQUAL_BGR, CONV)
    assert operators(result) == ["Transpose", "Conv"]
    assert result.bindings["x"].channel_axis == 3
    assert_equal(model, result, UNEQUAL_BGR, axis=3)


# -- operators in front --------------------------------------------------------


def test_op_puts_a_depthwise_convolution_in_front() -> None:
    model = conv_model(random_weights(2, 3, 3, 3), pads=[1, 1, 1, 1])
    result = fold_preprocessing(model, UNEQUAL, OP)
    assert operators(result) == ["Conv", "Conv"]
    assert [node.name for node in result.model.graph.graph] == ["x_camera", "conv"]
    assert constant(result, 0, 1).shape == (3, 1, 1, 1)
    np.testing.assert_allclose(constant(result, 0, 1).ravel(), [1 / 2, 1 / 3, 1 / 4])
    np.testing.assert_allclose(constant(result, 0, 2), [-10 / 2, -20 / 3, -30 / 4])
    assert result.bindings["x"].quantization == Affine.of(1.0, 0)
    assert result.notes == ()
    assert_equal(model, result, UNEQUAL)


def test_op_in_bgr_puts_a_dense_convolution_in_front() -> None:
    model = conv_model(random_weights(2, 3, 3, 3), pads=[1, 1, 1, 1])
    result = fold_preprocessing(model, UNEQUAL_BGR, OP)
    np.testing.assert_allclose(constant(result, 0, 1)[:, :, 0, 0], [[0, 0, 1 / 2], [0, 1 / 3, 0], [1 / 4, 0, 0]])
    assert_equal(model, result, UNEQUAL_BGR)


def test_op_for_nhwc_computes_along_the_last_axis() -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    model = Graph(nodes, {}, {"x": (1, 6, 7, 3)}).model()
    for made, expected in ((UNEQUAL, ["Mul", "Add", "Relu"]), (UNEQUAL_BGR, ["Gather", "Mul", "Add", "Relu"])):
        result = fold_preprocessing(model, made, OP)
        assert operators(result) == expected
        assert_equal(model, result, made, axis=3)


@pytest.mark.parametrize("made", [UNEQUAL, UNEQUAL_BGR, EQUAL_BGR])
def test_what_reads_the_input_and_is_no_convolution_gets_an_operator_in_front(made: Preprocessing) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="stem"),
        helper.make_node("Add", ["a", "x"], ["y"], name="skip"),
    ]
    model = Graph(nodes, {"w": random_weights(3, 3, 1, 1)}).model()
    result = fold_preprocessing(model, made, CONV)
    assert operators(result) == ["Conv", "Conv", "Add"]
    assert "Add 'skip' reads the input and is not a convolution" in result.notes[0]
    assert_equal(model, result, made)


def test_weights_that_are_computed_get_an_operator_in_front() -> None:
    nodes = [helper.make_node("Relu", ["v"], ["w"]), helper.make_node("Conv", ["x", "w"], ["y"], name="conv")]
    model = Graph(nodes, {"v": random_weights(2, 3, 3, 3)}).model()
    result = fold_preprocessing(model, UNEQUAL, CONV)
    assert "has weights or a bias that are not constant" in result.notes[0]
    assert_equal(model, result, UNEQUAL)


def test_a_grouped_convolution_cannot_turn_the_channels() -> None:
    model = conv_model(random_weights(6, 1, 3, 3), group=3)
    assert method(fold_preprocessing(model, UNEQUAL, CONV)) == "conv"
    result = fold_preprocessing(model, UNEQUAL_BGR, CONV)
    assert method(result) == "op"
    assert_equal(model, result, UNEQUAL_BGR)


# -- files with float inputs ---------------------------------------------------


def test_float_files_fold_into_a_convolution_that_does_not_pad() -> None:
    model = conv_model(random_weights(2, 3, 3, 3))
    for made in (UNEQUAL, UNEQUAL_BGR, EQUAL, EQUAL_BGR):
        result = fold_preprocessing(model, made, OP, exact_only=True)
        assert operators(result) == ["Conv"]
        assert result.bindings["x"].quantization == Affine.of(1.0, 0)
        assert_equal(model, result, made)


def test_float_files_get_mul_and_add_where_the_convolution_pads() -> None:
    model = conv_model(random_weights(2, 3, 3, 3), pads=[1, 1, 1, 1])
    for made in (UNEQUAL, EQUAL):
        result = fold_preprocessing(model, made, CONV, exact_only=True)
        assert operators(result) == ["Mul", "Add", "Conv"]
        assert result.notes == ()
        assert_equal(model, result, made)
    bgr = fold_preprocessing(model, UNEQUAL_BGR, CONV, exact_only=True)
    assert operators(bgr) == ["Conv", "Conv"]
    assert_equal(model, bgr, UNEQUAL_BGR)


def test_float_files_need_nothing_in_front_where_the_means_are_zero() -> None:
    model = conv_model(random_weights(2, 3, 3, 3), pads=[1, 1, 1, 1])
    made = make_preprocessing(preset="0-1")
    result = fold_preprocessing(model, made, OP, exact_only=True)
    assert operators(result) == ["Conv"]
    assert_equal(model, result, made)

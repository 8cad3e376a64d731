"""Scopes of TensorFlow's graphs become names of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.frontends.tensorflow.worker.names import name_like_layers
from tests.frontends.support import build, node, value

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx


def named(*nodes: onnx.NodeProto, outputs: Sequence[str] = ("out",)) -> onnx.ModelProto:
    weights = {
        name: np.zeros(1, np.float32) for each in nodes for name in each.input if name not in ("in", "a", "b", "c")
    }
    model = build(nodes, [value("in", [1])], [value(nodes[-1].output[0], None)], weights)
    name_like_layers(model, ["picture"], outputs)
    return model


def names(model: onnx.ModelProto) -> list[str]:
    return [each.name for each in model.graph.node]


def test_the_model_and_the_count_that_keras_3_adds_are_left_out() -> None:
    model = named(
        node("Relu", ["in"], ["a"], name="functional_1/conv2d_3_1/Relu"),
        node("Conv", ["a", "w"], ["b"], name="functional_1/conv2d_4_1/convolution"),
        outputs=["scores"],
    )
    assert names(model) == ["conv2d_3", "conv2d_4"]
    assert [list(each.input) + list(each.output) for each in model.graph.node] == [
        ["picture", "conv2d_3"], ["conv2d_3", "conv2d_4/weights", "scores"]
    ]  # fmt: skip
    assert [tensor.name for tensor in model.graph.initializer] == ["conv2d_4/weights"]


def test_numbers_that_are_the_layers_own_stay() -> None:
    model = named(
        node("Relu", ["in"], ["a"], name="model/conv2d_3/Relu"),
        node("Conv", ["a", "w"], ["b"], name="model/stem/Conv2D"),
    )
    assert names(model) == ["conv2d_3", "stem"]


def test_calls_of_functions_are_no_scopes() -> None:
    model = named(
        node("Relu", ["in"], ["a"], name="StatefulPartitionedCall_1/StatefulPartitionedCall/model/x/Relu"),
        node("Abs", ["a"], ["b"], name="StatefulPartitionedCall_1/PartitionedCall/model/y/Abs"),
    )
    assert names(model) == ["x", "y"]


def test_models_within_models_are_told() -> None:
    model = named(
        node("Relu", ["in"], ["a"], name="outer_1/inner_1/x_1/Relu"),
        node("Abs", ["a"], ["b"], name="outer_1/y_1/Abs"),
    )
    assert names(model) == ["inner/x", "y"]


def test_the_node_with_weights_has_the_layers_name_and_the_others_their_operators() -> None:
    model = named(
        node("Transpose", ["in"], ["a"], name="m/dense/MatMul__7"),
        node("MatMul", ["a", "w"], ["b"], name="m/dense/MatMul"),
        node("Add", ["b", "v"], ["c"], name="m/dense/BiasAdd"),
        node("Abs", ["c"], ["d"], name="m/abs/Abs"),
    )
    assert names(model) == ["dense/Transpose", "dense", "dense/Add", "abs"]


def test_a_folded_batch_norm_leaves_the_layer_both_names() -> None:
    model = named(
        node("Relu", ["in"], ["a"], name="m/relu/Relu"),
        node("Conv", ["a", "m/conv/kernel:0"], ["b"], name="m/bn/batchnorm/mul_1"),
    )
    (entry,) = model.graph.node[1].metadata_props
    assert (names(model)[1], entry.value) == ("bn", "['conv', 'bn']")


def test_no_two_values_share_a_name() -> None:
    model = named(
        node("Relu", ["in"], ["a"], name="m/x/Relu"),
        node("Split", ["a"], ["b", "c"], name="m/picture/Split"),
        node("Add", ["b", "c"], ["d"], name="m/x/Add"),
        outputs=["picture"],
    )
    made = ["picture", *(name for each in model.graph.node for name in each.output)]
    assert len(set(made)) == len(made)
    assert model.graph.output[0].name == "picture_2"

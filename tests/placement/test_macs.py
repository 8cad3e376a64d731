"""Multiply-accumulates, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from dlpuconv.formats.detect import read
from dlpuconv.formats.onnx_graph import view_of
from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.placement.macs import bytes_of, constants, macs
from dlpuconv_backends.flatbuffer import Operator
from tests.verification.tflite_models import activation, constant, conv, one_op, options, weights

X = activation("x", (1, 8, 8, 16))


def depthwise() -> Operator:
    kernels = weights("w", (1, 3, 3, 16), axis=3)
    return Operator("DEPTHWISE_CONV_2D", [X, kernels], [activation("y", (1, 4, 4, 16))], options("DepthwiseConv2D"))


def transposed() -> Operator:
    made = activation("y", (1, 16, 16, 5))
    size, kernels = constant("size", made.shape), weights("w", (5, 3, 3, 16))
    return Operator("TRANSPOSE_CONV", [size, kernels, X], [made], options("TransposeConv", strideH=2, strideW=2))


def dense() -> Operator:
    made = activation("y", (1, 10))
    return Operator("FULLY_CONNECTED", [activation("x", (1, 32)), weights("w", (10, 32))], [made], None)


def matmul() -> Operator:
    a, b = activation("a", (2, 6, 7)), activation("b", (2, 7, 5))
    return Operator("BATCH_MATMUL", [a, b], [activation("y", (2, 6, 5))], options("BatchMatMul"))


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        (conv(X, "y", 32, (3, 3), (2, 2)), 4 * 4 * 32 * 3 * 3 * 16),
        (depthwise(), 4 * 4 * 16 * 3 * 3),
        (transposed(), 8 * 8 * 16 * 3 * 3 * 5),
        (dense(), 32 * 10),
        (matmul(), 2 * 6 * 5 * 7),
        (Operator("RELU", [X], [activation("y", X.shape)]), 0),
    ],
    ids=lambda value: value.kind if isinstance(value, Operator) else "",
)
def test_an_op_of_tflite_multiplies_as_often_as_its_shapes_say(operator: Operator, expected: int) -> None:
    view = parse_tflite(one_op(operator))
    assert macs(view, view.layers[0]) == expected


@pytest.mark.parametrize(
    ("op", "attributes", "x", "w", "y", "expected"),
    [
        ("Conv", {"group": 2}, (1, 4, 6, 6), (8, 2, 3, 3), (1, 8, 4, 4), 8 * 4 * 4 * 2 * 3 * 3),
        ("ConvTranspose", {}, (1, 4, 6, 6), (4, 3, 2, 2), (1, 3, 7, 7), 4 * 6 * 6 * 3 * 2 * 2),
        ("Gemm", {"transB": 1}, (1, 32), (10, 32), (1, 10), 32 * 10),
        ("Gemm", {"transA": 1}, (32, 1), (32, 10), (1, 10), 32 * 10),
        ("MatMul", {}, (2, 6, 7), (7, 5), (2, 6, 5), 2 * 6 * 5 * 7),
    ],
)
def test_an_op_of_onnx_multiplies_as_often_as_its_shapes_say(
    op: str,
    attributes: dict[str, int],
    x: tuple[int, ...],
    w: tuple[int, ...],
    y: tuple[int, ...],
    expected: int,
) -> None:
    graph = helper.make_graph(
        [helper.make_node(op, ["x", "w"], ["y"], **attributes)],  # type: ignore[arg-type] # its stub takes no numbers
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, y)],
        [numpy_helper.from_array(np.zeros(w, np.float32), "w")],
    )
    view = view_of(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]))
    assert macs(view, view.layers[0]) == expected


def test_a_recurrent_layer_multiplies_with_all_its_weights_in_every_step() -> None:
    graph = helper.make_graph(
        [helper.make_node("LSTM", ["x", "w", "r"], ["", "last"], hidden_size=4)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (7, 1, 3))],
        [helper.make_tensor_value_info("last", TensorProto.FLOAT, (1, 1, 4))],
        [numpy_helper.from_array(np.zeros((1, 16, n), np.float32), name) for name, n in (("w", 3), ("r", 4))],
    )
    view = view_of(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]))
    assert macs(view, view.layers[0]) == 7 * (16 * 3 + 16 * 4)


def test_parameters_count_each_constant_once_and_in_its_own_width() -> None:
    view = parse_tflite(one_op(conv(X, "y", 6)))
    found = constants(view, view.layers[0])
    assert sum(t.size for t in found) == 6 * 3 * 3 * 16 + 6
    assert bytes_of([*found, *found]) == 6 * 3 * 3 * 16 + 6 * 4


@pytest.mark.zoo("axis")
def test_mobilenet_v2_has_its_published_three_hundred_million_macs_and_3_5_million_parameters(zoo: object) -> None:
    view = read(f"{zoo}/axis/mobilenet_v2_1.0_224_quant.tflite")
    assert sum(macs(view, layer) for layer in view.layers) == pytest.approx(300e6, rel=0.005)
    assert sum(t.size for layer in view.layers for t in constants(view, layer)) == pytest.approx(3.5e6, rel=0.01)

"""Half and double precision become float32."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.frontends.support import build, chain, conv, node, read, run, value


def test_a_half_precision_model_computes_in_float32_and_close_to_the_original() -> None:
    proto = conv(dtype=np.float16)
    model = read(proto)
    assert {v.dtype for v in (*model.signature.inputs, *model.signature.outputs)} == {"float32"}
    got, expected = run(model)[0], run(proto.SerializeToString())[0].astype(np.float32)
    assert np.abs(got - expected).max() / np.abs(expected).max() < 1e-2


def test_a_double_precision_model_computes_in_float32() -> None:
    weights = {"k": np.linspace(-1, 1, 8).reshape(4, 2)}
    proto = build(
        [node("MatMul", ["x", "k"], ["y"])],
        [value("x", (1, 4), TensorProto.DOUBLE)],
        [value("y", None, TensorProto.DOUBLE)],
        weights,
    )
    model = read(proto)
    assert model.signature.outputs[0].dtype == "float32"
    np.testing.assert_allclose(run(model)[0], run(proto.SerializeToString())[0], rtol=1e-5)


def test_bfloat16_weights_are_read() -> None:
    proto = chain(node("Cast", ["w"], ["f"], to=TensorProto.FLOAT), node("Add", ["x", "f"], ["y"]))
    proto.graph.initializer.append(helper.make_tensor("w", TensorProto.BFLOAT16, [4], [1.0, 2.0, -3.0, 0.5]))
    x = np.zeros((1, 4), np.float32)
    np.testing.assert_array_equal(run(read(proto), x=x)[0], [[1.0, 2.0, -3.0, 0.5]])


@pytest.mark.parametrize("half", [TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE])
def test_casts_and_fills_of_other_precisions_are_float32_too(half: int) -> None:
    fill = helper.make_tensor("v", TensorProto.FLOAT16, [1], [2.0])
    proto = chain(
        node("Cast", ["x"], ["h"], to=half),
        node("Cast", ["h"], ["back"], to=TensorProto.FLOAT),
        node("ConstantOfShape", ["s"], ["two"], value=fill),
        node("Cast", ["two"], ["t"], to=TensorProto.FLOAT),
        node("Mul", ["back", "t"], ["y"]),
        weights={"s": np.array([4])},
    )
    x = np.array([[1.0, 1e-6, 3.14159, 1e6]], np.float32)
    np.testing.assert_array_equal(run(read(proto), x=x)[0], 2 * x)


def test_integers_stay_as_they_are() -> None:
    proto = build(
        [node("Gather", ["table", "x"], ["y"])],
        [value("x", (1, 3), TensorProto.INT64)],
        [value("y", None)],
        {"table": np.arange(8, dtype=np.float32).reshape(4, 2)},
    )
    assert read(proto).signature.inputs[0].dtype == "int64"


def test_a_double_beyond_float32_becomes_the_largest_float() -> None:
    """As attention masks are written: -1.8e308 stands for minus infinity."""
    proto = chain(
        node("Cast", ["m"], ["f"], to=TensorProto.FLOAT),
        node("Max", ["x", "f"], ["y"]),
        weights={"m": np.array([-1e308, 1e308, 0.5, 0.0])},
    )
    limit = np.finfo(np.float32).max
    x = np.full((1, 4), -np.inf, np.float32)
    np.testing.assert_array_equal(run(read(proto), x=x)[0], [[-limit, limit, 0.5, 0.0]])


def test_nothing_of_another_precision_is_left() -> None:
    content = read(conv(dtype=np.float16)).to_proto()
    kinds = {
        v.type.tensor_type.elem_type for v in (*content.graph.input, *content.graph.output, *content.graph.value_info)
    }
    assert kinds | {t.data_type for t in content.graph.initializer} == {TensorProto.FLOAT}
    onnx.checker.check_model(content, full_check=True)

"""Integer pixels behind a Cast: the Cast goes, the input's quantization takes its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir
import pytest
from onnx import helper, numpy_helper

from dlpuconv.calibration import Preprocessing, make_preprocessing
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.ir import Affine, Model, Source
from dlpuconv.passes.float_inputs import make_inputs_float
from dlpuconv.passes.fold_preprocessing import fold_preprocessing
from tests.error_ids import raises_error
from tests.passes.folding import CONV, random_weights

if TYPE_CHECKING:
    import numpy.typing as npt

UINT8, INT8, INT32 = onnx.TensorProto.UINT8, onnx.TensorProto.INT8, onnx.TensorProto.INT32
CAST = helper.make_node("Cast", ["x"], ["f"], "cast", to=onnx.TensorProto.FLOAT)
CONVOLUTION = helper.make_node("Conv", ["f", "w"], ["y"], "conv")


def pixels_model(nodes: list[onnx.NodeProto], dtype: int = UINT8, shape: tuple[int, ...] = (1, 3, 6, 7)) -> Model:
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(random_weights(2, 3, 1, 1), "w")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    proto = onnx.shape_inference.infer_shapes(proto)
    return Model(graph=onnx_ir.from_proto(proto), source=Source(name="test", sha256=""))


def operators(model: Model) -> list[str]:
    return [node.op_type for node in model.graph.graph]


def run(model: Model, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return OrtRunner(model.to_bytes()).run({"x": x})["y"]


@pytest.mark.parametrize(("dtype", "zero_point"), [(UINT8, 0), (INT8, 128)])
def test_the_cast_of_an_integer_input_becomes_its_quantization(dtype: int, zero_point: int) -> None:
    model = pixels_model([CAST, CONVOLUTION], dtype)
    result = fold_preprocessing(model, Preprocessing(), CONV)
    binding = result.bindings["x"]
    assert operators(result.model) == ["Conv"]
    assert binding.quantization == Affine.of(1.0, zero_point)
    assert binding.raw_pixels == (dtype == UINT8)
    assert model.signature.inputs[0].dtype in ("uint8", "int8")
    given = np.arange(126).reshape(1, 3, 6, 7)
    want = run(model, given.astype(model.signature.inputs[0].dtype))
    np.testing.assert_array_equal(run(result.model, given.astype(np.float32)), want)


def test_moves_between_the_input_and_its_cast_become_float() -> None:
    moved = helper.make_node("Transpose", ["x"], ["t"], "move", perm=[0, 3, 1, 2])
    cast = helper.make_node("Cast", ["t"], ["f"], "cast", to=onnx.TensorProto.FLOAT)
    model = pixels_model([moved, cast, CONVOLUTION], shape=(1, 6, 7, 3))
    made, fixed = make_inputs_float(model)
    assert operators(made) == ["Transpose", "Conv"]
    assert list(fixed) == ["x"]
    given = np.arange(126, dtype=np.uint8).reshape(1, 6, 7, 3)
    np.testing.assert_array_equal(run(made, given.astype(np.float32)), run(model, given))


def test_float_files_take_the_same_numbers_as_floats() -> None:
    result = fold_preprocessing(pixels_model([CAST, CONVOLUTION]), Preprocessing(), CONV, exact_only=True)
    assert operators(result.model) == ["Conv"]
    assert result.model.signature.inputs[0].dtype == "float32"


def test_wider_integers_and_inputs_that_are_read_as_integers_too_are_left_alone() -> None:
    wide = pixels_model([CAST, CONVOLUTION], INT32)
    assert make_inputs_float(wide) == (wide, {})
    seen = helper.make_node("Equal", ["x", "x"], ["e"], "same")
    both = pixels_model([CAST, seen, CONVOLUTION])
    assert make_inputs_float(both) == (both, {})


def test_a_normalization_of_integer_pixels_is_refused_and_the_identity_is_not() -> None:
    model = pixels_model([CAST, CONVOLUTION])
    result = fold_preprocessing(model, make_preprocessing(preset="0-255"), CONV)
    assert result.notes == ()
    assert result.bindings["x"].raw_pixels
    with raises_error("preprocessing-integer-input", "'x'", "uint8"):
        fold_preprocessing(model, make_preprocessing(preset="imagenet"), CONV)

"""Detection, the ONNX view, and both runners."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dlpuconv.formats import ort_runner
from dlpuconv.formats.detect import read, runner
from dlpuconv.formats.names import port_names
from dlpuconv.formats.ort_runner import OrtRunner, OrtTracer, with_outputs
from dlpuconv.ir.weights import LARGE, split_proto
from dlpuconv_backends.flatbuffer import Operator
from tests.error_ids import raises_error
from tests.verification.tflite_models import activation, conv, edited, file_of, healthy, one_op, options, tensor_named

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


def small_onnx() -> onnx.ModelProto:
    """y = x W + 1, W = [[1, 2], [3, 4], [5, 6]]."""
    weights = numpy_helper.from_array(np.arange(1, 7, dtype=np.float32).reshape(3, 2), "W")
    bias = numpy_helper.from_array(np.ones(2, np.float32), "b")
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "W", "b"], ["y"], name="fc", alpha=1.0, transB=0)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])],
        [weights, bias],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_an_onnx_file_is_shown_as_its_graph(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(small_onnx().SerializeToString())
    view = read(path)
    assert (view.format, view.subgraphs, view.metadata["opset"]) == ("onnx", 1, "ai.onnx 17")
    (layer,) = view.layers
    assert (layer.op, layer.version, layer.custom, layer.name) == ("Gemm", 17, False, "fc")
    assert layer.options == {"alpha": 1.0, "transB": 0}
    x, w, b = (view.tensors[i] for i in layer.inputs)
    assert (x.name, x.shape, x.dtype, x.constant) == ("x", (-1, 3), "float32", False)
    assert (w.name, w.shape, w.constant) == ("W", (3, 2), True)
    assert w.data is not None
    assert w.data[2, 1] == 6
    assert b.constant
    assert view.tensors[view.outputs[0]].shape == (-1, 2)


def test_weights_listed_as_inputs_are_no_inputs(tmp_path: Path) -> None:
    model = small_onnx()
    model.graph.input.append(helper.make_tensor_value_info("W", TensorProto.FLOAT, [3, 2]))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    view = read(tmp_path / "m.onnx")
    assert port_names(view, view.inputs) == ("x",)


def test_a_custom_domain_is_a_custom_op(tmp_path: Path) -> None:
    model = small_onnx()
    model.graph.node[0].domain = "ai.vendor"
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    assert read(tmp_path / "m.onnx").layers[0].custom


def test_a_package_folder_is_read_through_its_only_onnx_file(tmp_path: Path) -> None:
    folder = tmp_path / "m.cv25"
    folder.mkdir()
    with raises_error("artifact-folder-ambiguous", "0 .onnx files"):
        read(folder)
    (folder / "model.onnx").write_bytes(small_onnx().SerializeToString())
    assert read(folder).format == "package"
    out = runner(folder).run({"x": np.array([[1, 0, 0]], np.float32)})
    np.testing.assert_array_equal(out["y"], [[2, 3]])


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("m.bin", b"whatever it is", ("artifact-format-unknown",)),
        ("m.onnx", b"\x00\x01garbage", ("artifact-not-onnx",)),
        ("m.onnx", b"", ("artifact-not-onnx",)),
        ("m.tflite", b"garbage, and more of it", ("artifact-not-tflite", "TFL3")),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes, told: tuple[str, ...]) -> None:
    (tmp_path / name).write_bytes(content)
    with raises_error(*told):
        read(tmp_path / name)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for call in (read, runner):
        with raises_error("artifact-unreadable"):
            call(tmp_path / "none.tflite")


def test_float_models_run_in_onnx_runtime_and_inputs_take_the_models_type() -> None:
    out = OrtRunner(small_onnx().SerializeToString()).run({"x": np.array([[0, 1, 0]], np.int8)})
    np.testing.assert_array_equal(out["y"], [[4, 5]])


def test_what_onnx_runtime_refuses_is_one_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    with raises_error("artifact-refused"):
        OrtRunner(b"garbage")
    run = OrtRunner(small_onnx().SerializeToString(), "m")
    with raises_error("artifact-input-missing", "'x'", "given: z"):
        run.run({"z": np.zeros((1, 3), np.float32)})
    with raises_error("artifact-refused"):
        run.run({"x": np.zeros((1, 4), np.float32)})
    assert capfd.readouterr().err == ""


def test_integer_files_run_on_raw_integers(tmp_path: Path) -> None:
    """RELU of int8 with one scale on both sides: max(q, zero point)."""
    x, y = activation("x", (1, 4), zero_point=-3), activation("y", (1, 4), zero_point=-3)
    path = tmp_path / "m.tflite"
    path.write_bytes(one_op(Operator("RELU", [x], [y])))
    out = runner(path).run({"x": np.array([[-128, -3, 0, 127]], np.int8)})
    assert out["y"].dtype == np.int8
    np.testing.assert_array_equal(out["y"], [[-3, -3, 0, 127]])


def test_what_tflite_refuses_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(healthy())
    run = runner(path)
    with raises_error("artifact-input-missing", "'x'", "given: z"):
        run.run({"z": np.zeros((1, 8, 8, 3), np.uint8)})
    with raises_error("artifact-refused"):
        run.run({"x": np.zeros((1, 8, 8, 4), np.uint8)})
    x, y = activation("x", (1, 4)), activation("y", (1, 4))
    path.write_bytes(one_op(Operator("STABLEHLO_ADD", [x], [y])))
    with raises_error("artifact-refused"):
        runner(path)


def test_tensors_of_gigabytes_are_not_allocated(tmp_path: Path) -> None:
    def change(model: Any) -> None:
        tensor_named(model, "first").shape = np.array([1, 1 << 20, 1 << 20, 6], np.int32)

    path = tmp_path / "m.tflite"
    path.write_bytes(edited(healthy(), change))
    with raises_error("artifact-run-limit"):
        runner(path)


def test_repeated_and_missing_names_become_unique() -> None:
    from dlpuconv.formats.tflite_file import parse_tflite

    a, b, y = activation("same", (1, 4)), activation("same", (1, 4)), activation("", (1, 4))
    view = parse_tflite(file_of([a, b], [y], Operator("ADD", [a, b], [y], options("Add"))))
    assert port_names(view, view.inputs) == ("same#0", "same#1")
    assert port_names(view, view.outputs) == ("#0",)


@pytest.mark.parametrize("option", ["strideH", "dilationWFactor"])
def test_zero_strides_end_no_process(tmp_path: Path, option: str) -> None:
    layer = conv(activation("x", (1, 8, 8, 3)), "y", 4)
    setattr(layer.options, option, 0)
    path = tmp_path / "m.tflite"
    path.write_bytes(one_op(layer))
    with raises_error("artifact-refused"):
        runner(path)


def test_onnx_runtime_reads_large_weights_where_they_are() -> None:
    weights = np.full((1, LARGE), 2, np.float32)
    network = onnx.parser.parse_model(f"""
        <ir_version: 8, opset_import: ["": 13]>
        network (float[1, {LARGE}] x) => (float[1, {LARGE}] y) {{ y = Mul (x, weights) }}""")
    network.graph.initializer.append(onnx.numpy_helper.from_array(weights, "weights"))
    split = split_proto(network)
    assert list(split.weights) == ["weights"]
    zeros, ones = np.zeros((1, LARGE), np.float32), np.ones((1, LARGE), np.float32)
    np.testing.assert_array_equal(OrtRunner(split).run({"x": ones})["y"], weights)
    traced = OrtTracer(with_outputs(split, ["x"]), ["weights"]).run({"x": zeros})
    np.testing.assert_array_equal(traced["x"], zeros)
    np.testing.assert_array_equal(traced["weights"], weights)


@pytest.mark.parametrize("optimize", [True, False])
def test_a_model_of_very_many_weights_computes_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, optimize: bool
) -> None:
    network = onnx.parser.parse_model(f"""
        <ir_version: 8, opset_import: ["": 13]>
        network (float[1, {LARGE}] x) => (float[1, {LARGE}] y) {{ y = Mul (x, weights) }}""")
    weights = np.arange(LARGE, dtype=np.float32).reshape(1, -1)
    network.graph.initializer.append(onnx.numpy_helper.from_array(weights, "weights"))
    onnx.save(network, tmp_path / "m.onnx")
    monkeypatch.setattr(ort_runner, "MANY", 1 << 10)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for model in (split_proto(network), tmp_path / "m.onnx"):
        runner = OrtRunner(model, optimize=optimize)
        assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]
        np.testing.assert_array_equal(runner.run({"x": np.full((1, LARGE), 2, np.float32)})["y"], 2 * weights)

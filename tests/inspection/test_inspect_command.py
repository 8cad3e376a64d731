"""`dlpuconv inspect`: the whole file, and layers in every detail."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from dlpuconv.cli import main
from dlpuconv.cli.inspect import complete_layer
from dlpuconv.errors import UsageError
from dlpuconv.ir.affine import Affine
from dlpuconv_backends.flatbuffer import Operator, Tensor
from tests.verification.tflite_models import activation, bias, constant, edited, file_of, healthy, options, tensor_named

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.jsonable import Json


def per_channel() -> bytes:
    """FULLY_CONNECTED [1, 3] -> [1, 2] with scales 0.5 and 0.01, then STRIDED_SLICE of the first value."""
    x, y = activation("x", (1, 3), scale=0.1, zero_point=-28), activation("net/dense;net/bias", (1, 2))
    codes = np.array([[1, -2, 3], [100, -50, 127]], np.int8)
    weights = Tensor("w", (2, 3), np.dtype(np.int8), codes, Affine.along(0, [0.5, 0.01]))
    first = Operator("FULLY_CONNECTED", [x, weights, bias("b", x, weights, 2)], [y], options("FullyConnected"))
    cut = activation("cut", (1, 1))
    ends = [constant(name, values) for name, values in (("begin", [0, 0]), ("end", [1, 1]), ("step", [1, 1]))]
    second = Operator("STRIDED_SLICE", [y, *ends], [cut], options("StridedSlice"))
    return file_of([x], [cut], first, second)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "m.tflite"
    path.write_bytes(per_channel())
    return path


def inspected(capsys: pytest.CaptureFixture[str], path: Path, *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["inspect", str(path), *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def printed(capsys: pytest.CaptureFixture[str], path: Path, *arguments: str) -> str:
    capsys.readouterr()
    assert main(["inspect", str(path), *arguments]) == 0
    return capsys.readouterr().out


def test_json_tells_of_the_whole_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(healthy())
    found = inspected(capsys, path)
    assert found["op_counts"] == {"CONV_2D": 2, "QUANTIZE": 2, "LOGISTIC": 1}
    assert found["layers"][1]["inputs"][1]["quantization"]["axis"] is None
    assert found["granularity"]["summary"] == "per-tensor"
    assert found["inputs"][0]["dtype"] == "uint8"
    assert found["macs"] == 8 * 8 * 6 * 3 * 3 * 3 + 4 * 4 * 6 * 6
    assert found["parameters"] == 6 * 3 * 3 * 3 + 6 + 6 * 6 + 6
    assert found["parameter_bytes"] == 6 * 3 * 3 * 3 + 6 * 6 + 4 * 12


def test_the_terminal_shows_one_row_a_layer_and_the_totals(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, file)
    assert "per-channel int8 2x3" in text
    assert f"{file.stat().st_size / 1000:.1f} kB, 14 parameters, 6 MACs" in text
    assert sum("STRIDED_SLICE" in line for line in text.splitlines()) == 2  # ops, and its row


def test_a_layer_in_detail_has_roles_scales_real_values_and_neighbours(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (layer,) = inspected(capsys, file, "--layer", "fully*")["layers"]
    x, weights, _ = layer["inputs"]
    assert [tensor["role"] for tensor in layer["inputs"]] == ["input", "weights", "bias"]
    assert (layer["macs"], layer["parameters"]) == (6, 8)
    assert weights["codes"] == [-50, 127]
    assert (weights["minimum"], weights["maximum"]) == pytest.approx((-1.0, 1.5))  # 0.5 x -2 and 0.5 x 3
    assert weights["quantization"]["axis"] == 0
    assert (x["minimum"], x["maximum"]) == pytest.approx((-10.0, 15.5))  # (-128 + 28) x 0.1 and (127 + 28) x 0.1
    assert x["from"] is None
    assert layer["outputs"][0]["to"] == [1]
    text = printed(capsys, file, "--layer", "0")
    assert "2 on axis 0: 0.01 to 0.5" in text
    assert "-1 to 1.5 (codes -50 to 127)" in text
    assert "to #1 STRIDED_SLICE" in text
    assert "input of the file" in text
    assert "net/dense;…" in text


def test_small_constants_are_shown_by_their_values(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (layer,) = inspected(capsys, file, "-l", "#1")["layers"]
    assert layer["inputs"][2]["values"] == [1, 1]
    text = printed(capsys, file, "-l", "STRIDED_SLICE")
    assert "[0, 0]" in text
    assert "output of the file" in text


@pytest.mark.parametrize(
    "pattern", ["net/bias", "net/*", "net/dense;net/bias", "FULLY_CONNECTED", "fully_*", "0", "#0"]
)
def test_a_layer_is_meant_by_name_part_of_a_joined_name_op_or_number(
    file: Path, capsys: pytest.CaptureFixture[str], pattern: str
) -> None:
    assert [layer["index"] for layer in inspected(capsys, file, "--layer", pattern)["layers"]] == [0]


def test_several_patterns_add_up_in_the_file_s_order(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [x["index"] for x in inspected(capsys, file, "-l", "cut", "-l", "0", "-l", "*")["layers"]] == [0, 1]


def test_a_pattern_that_means_no_layer_is_a_usage_error_with_a_hint(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(file), "--layer", "STRIDED_SLCE"]) == 2
    message = capsys.readouterr().err
    assert "did you mean 'STRIDED_SLICE'?" in message
    assert "FULLY_CONNECTED" in message


def test_an_onnx_file_is_shown_as_fully(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = numpy_helper.from_array(np.array([[1.5, -2.5]], np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w", "c"], ["y"], "head[0]", alpha=0.5)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [weights, numpy_helper.from_array(np.array([1, 2], np.float32), "c")],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), tmp_path / "m.onnx")
    (layer,) = inspected(capsys, tmp_path / "m.onnx", "--layer", "head[0]")["layers"]
    assert [tensor["role"] for tensor in layer["inputs"]] == ["input", "weights", "bias"]
    assert (layer["inputs"][1]["minimum"], layer["inputs"][1]["maximum"]) == (-2.5, 1.5)
    assert (layer["macs"], layer["parameters"]) == (2, 4)
    assert layer["options"] == {"alpha": 0.5}
    assert "[1.5, -2.5]" in printed(capsys, tmp_path / "m.onnx", "--layer", "Gemm")


def test_a_damaged_scale_ends_nothing_and_is_no_number_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def damage(model: Any) -> None:
        tensor_named(model, "first/w").quantization.scale = [float("inf")]

    path = tmp_path / "m.tflite"
    path.write_bytes(edited(healthy(), damage))
    weights: Json = inspected(capsys, path, "--layer", "first")["layers"][0]["inputs"][1]
    assert isinstance(weights, dict)
    assert weights["maximum"] == "inf"
    assert "CONV_2D" in printed(capsys, path, "--layer", "first")


def test_the_shell_completes_ops_and_names_of_the_file(file: Path) -> None:
    def completed(incomplete: str, *arguments: str) -> list[str]:
        context: Any = SimpleNamespace(args=list(arguments), params={})
        return complete_layer(context, incomplete)

    assert completed("STR", str(file)) == ["STRIDED_SLICE"]
    assert completed("c", str(file)) == ["cut"]
    assert completed("c", "missing.tflite") == []
    assert completed("c") == []


def test_a_file_that_is_shown_as_it_is_takes_no_shapes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(file), "--input-shape", "x=1,4"]) == UsageError.status
    assert "m.tflite is shown as it is" in capsys.readouterr().err

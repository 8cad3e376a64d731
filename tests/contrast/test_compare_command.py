"""`dlpuconv compare`: two files, seen through the source model's eyes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from onnx import save
from PIL import Image

from dlpuconv.cli import main
from dlpuconv_backends.flatbuffer import Operator
from tests.verification.test_verify_file import Rows, converted, manifest, source
from tests.verification.tflite_models import activation, constant, file_of, options

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Eight samples of x [1, 3]."""
    np.savez(tmp_path / "rows.npz", x=Rows().rows.reshape(8, 3))
    return tmp_path / "rows.npz"


def file(folder: Path, name: str, content: bytes, beside: dict[str, Any] | None = None) -> Path:
    path = folder / f"{name}.tflite"
    path.write_bytes(content)
    if beside is not None:
        path.with_suffix(".json").write_text(json.dumps(beside))
    return path


def compared(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["compare", *map(str, arguments), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_file_equals_itself(tmp_path: Path, rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = file(tmp_path, "a", converted())
    found = compared(capsys, a, a, "--data", rows)
    assert found["a"] == found["b"]
    assert found["between"]["exact"]
    assert found["between"]["samples"] == 8
    assert found["a_to_reference"] is None
    assert found["a"]["op_counts"] == {"FULLY_CONNECTED": 1}
    assert (found["a"]["macs"], found["a"]["parameters"]) == (6, 8)


def test_each_file_is_compared_with_the_other_and_with_the_source(
    tmp_path: Path, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second file's weights are all zero: it answers nothing but zeros."""
    save(source().to_proto(), tmp_path / "m.onnx")
    sound, dead = file(tmp_path, "sound", converted()), file(tmp_path, "dead", converted(broken=True))
    found = compared(capsys, sound, dead, "--data", rows, "--reference", tmp_path / "m.onnx", "-t", "artpec9")
    assert found["between"]["outputs"][0]["sqnr_db"] == pytest.approx(0.0)
    assert found["between"]["outputs"][0]["cosine"] is None
    assert found["a_to_reference"]["min_sqnr_db"] > 30
    assert found["b_to_reference"]["outputs"][0]["dead"]
    assert found["a"]["placement"]["pieces"] == 1


def test_the_manifests_say_what_corresponds_to_what(
    tmp_path: Path, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One file takes half of the source's x and gives twice its y: the manifest says so, and both agree."""
    content = converted(names=("half", "double"))
    beside = manifest(content)
    beside["inputs"][0] |= {"multiplier": [0.5], "file_name": "half"}
    beside["outputs"][0] |= {"scale": 4.5 / 127, "file_name": "double"}
    plain = converted()
    a, b = file(tmp_path, "a", plain, manifest(plain)), file(tmp_path, "b", content, beside)
    output = compared(capsys, a, b, "--data", rows)["between"]["outputs"][0]
    assert output["name"] == "y"
    assert output["sqnr_db"] > 25


def test_the_parts_of_an_output_are_compared_with_the_whole(
    tmp_path: Path, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = activation("x", (1, 2)), activation("y", (1, 2))
    left, right = activation("left", (1, 1)), activation("right", (1, 1))
    halves = Operator("SPLIT", [constant("axis", 1), x], [left, right], options("Split", numSplits=2))
    whole = Operator("RESHAPE", [x, constant("shape", [1, 2])], [y])
    np.savez(tmp_path / "rows.npz", x=Rows().rows[:, 0, :2])
    port = {"dtype": "int8", "permutation": [0, 1], "zero_point": 0, "scale": 0.05}
    taken = manifest(b"")["inputs"][0] | port | {"shape": [1, 2], "source_shape": [1, 2]}

    def described(content: bytes, outputs: list[dict[str, Any]]) -> dict[str, Any]:
        return manifest(content, inputs=[taken], outputs=[port | output for output in outputs])

    one, two = file_of([x], [y], whole), file_of([x], [left, right], halves)
    parts: list[dict[str, Any]] = [
        {
            "name": name,
            "shape": [1, 1],
            "source_shape": [1, 1],
            "part": {"output": "y", "axis": 1, "start": start, "stop": start + 1},
        }
        for start, name in enumerate(("left", "right"))
    ]
    a = file(tmp_path, "a", one, described(one, [{"name": "y", "shape": [1, 2], "source_shape": [1, 2]}]))
    b = file(tmp_path, "b", two, described(two, parts))
    found = compared(capsys, a, b, "--data", rows)["between"]
    assert [output["name"] for output in found["outputs"]] == ["left", "right"]
    assert found["exact"]
    assert compared(capsys, b, a, "--data", rows)["between"]["exact"]


def test_files_without_a_manifest_take_pixels_as_a_camera_delivers_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both pass pixels through; the second calls code 255 one, not 255. The codes must be the pixels'."""
    (tmp_path / "images").mkdir()
    pixels = (np.arange(192, dtype=np.uint8) + 44).reshape(8, 8, 3)
    Image.fromarray(pixels).save(tmp_path / "images" / "one.png")
    files = []
    for name, scale in (("a", 1.0), ("b", 1 / 255)):
        x, y = (activation(n, (1, 8, 8, 3), "uint8", scale=scale) for n in ("x", "y"))
        step = Operator("RESHAPE", [x, constant("shape", x.shape)], [y])
        files.append(file(tmp_path, name, file_of([x], [y], step)))
    (output,) = compared(capsys, *files, "--data", tmp_path / "images")["between"]["outputs"]
    assert output["peak"] == 235.0
    assert output["max_error"] == pytest.approx(235 - 235 / 255, rel=1e-5)
    assert output["cosine"] == pytest.approx(1.0)


def test_files_of_different_models_are_told(tmp_path: Path, rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = converted()
    a = file(tmp_path, "a", content, manifest(content))
    b = file(tmp_path, "b", content, manifest(content, source={"name": "m", "sha256": "1" * 64}))
    (told,) = compared(capsys, a, b, "--data", rows)["warnings"]
    assert "different models" in told
    assert "a.tflite, b.tflite" in told
    assert compared(capsys, a, a, "--data", rows)["warnings"] == []


def test_outputs_of_other_names_are_matched_by_shape(
    tmp_path: Path, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = file(tmp_path, "a", converted()), file(tmp_path, "b", converted(names=("serving_default_x:0", "z")))
    assert compared(capsys, a, b, "--data", rows)["between"]["exact"]


def test_files_of_different_outputs_cannot_be_compared(
    tmp_path: Path, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = activation("x", (1, 3)), activation("y", (1, 3))
    a, b = file(tmp_path, "a", converted()), file(tmp_path, "b", file_of([x], [y], Operator("RELU", [x], [y])))
    assert main(["compare", str(a), str(b), "--data", str(rows)]) == 4
    printed = capsys.readouterr().err
    assert "'y' [1, 2]" in printed
    assert printed.endswith("[ports-unmatched]\n")


def test_without_data_only_what_the_files_hold_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = file(tmp_path, "a", converted()), file(tmp_path, "b", converted(per_channel=True))
    assert main(["compare", str(a), str(b), "-t", "artpec8"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (weights,) = (line.split() for line in lines if line.startswith("weights"))
    assert weights == ["weights", "per-tensor", "per-channel"]
    assert any("on the DLPU, in 1 partition" in line for line in lines)
    assert not any("beside" in line for line in lines)


def test_a_reference_without_data_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = file(tmp_path, "a", converted())
    assert main(["compare", str(a), str(a), "--reference", "m.onnx"]) == 2
    assert "--reference needs --data" in capsys.readouterr().err

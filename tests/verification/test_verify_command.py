"""`dlpuconv verify`: what it takes from the manifest, from the user, and from what is installed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import typer
from ai_edge_litert.schema_py_generated import BuiltinOperator
from onnx import TensorProto, helper, save
from onnx import load as load_model

import dlpuconv
from dlpuconv.calibration import Preprocessing
from dlpuconv.calibration.preprocess import Color, Resize
from dlpuconv.cli import main
from dlpuconv.cli.app import app
from dlpuconv.cli.options import complete_rule
from tests.e2e.support import IMAGES, MODEL, TRAINED_ON
from tests.packaging.test_optional_libraries import run as run_without_optional_libraries
from tests.verification.test_verify_file import converted, manifest, written
from tests.verification.tflite_models import edited, healthy

if TYPE_CHECKING:
    from pathlib import Path

RECORDED = {"resize": "letterbox", "color": "rgb", "mean": [7.0], "std": [9.0], "stated": True}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file for a chip whose per-channel weights pass."""
    folder = tmp_path_factory.mktemp("made")
    options = ("--target", "artpec7", "--granularity", "per-channel", "--effort", "fast", "--output", str(folder))
    assert main(["convert", str(MODEL), "--calibration", str(IMAGES), *TRAINED_ON, *options, "--quiet"]) == 0
    (path,) = folder.glob("*.tflite")
    return path


def verified(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, dict[str, Any], str]:
    capsys.readouterr()
    status = main(["verify", *map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    return status, json.loads(out), err


@pytest.mark.slow
def test_a_package_is_compared_on_what_it_ships_and_needs_no_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    convert = ["convert", str(MODEL), "--target", "cv25", "--output", str(tmp_path), "--quiet"]
    assert main([*convert, "--calibration", str(IMAGES), *TRAINED_ON]) == 0
    package = tmp_path / f"{MODEL.stem}.cv25"
    status, report, _ = verified(capsys, package, "--target", "cv25", "--reference", MODEL)
    assert status == 0
    assert report["parity"]["samples"] == 20
    assert report["parity"]["min_sqnr_db"] >= 100
    assert report["findings"] == []
    (package / "dra_image_bin/007.bin").unlink()
    status, report, _ = verified(capsys, package, "--target", "cv25")
    assert status == 1
    assert {finding["rule"] for finding in report["findings"]} == {"CV-FILES", "CV-BINS"}
    assert verified(capsys, package, "--target", "cv25", "--ignore", "CV-FILES", "--ignore", "CV-BINS")[0] == 0


@pytest.mark.slow
def test_a_file_is_compared_with_the_preprocessing_that_its_manifest_records(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    question = ("--target", "artpec7", "--reference", MODEL, "--data", IMAGES)
    status, report, messages = verified(capsys, made, *question)
    assert status == 0, report["reasons"]
    assert report["parity"]["samples"] == len(list(IMAGES.iterdir()))
    assert report["parity"]["min_sqnr_db"] > 20
    assert report["calibrated"]
    assert not any("made" in text for text in report["warnings"])
    assert messages.count("reading") <= 1
    alone = tmp_path / made.name
    alone.write_bytes(made.read_bytes())
    assert verified(capsys, alone, *question)[0] == 1


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Arguments of every opening of samples."""
    import dlpuconv.calibration

    calls: list[dict[str, Any]] = []
    really = dlpuconv.calibration.open_calibration

    def spy(source: Any, **options: Any) -> Any:
        calls.append({"source": source, **options})
        return really(source, **options)

    monkeypatch.setattr("dlpuconv.workflow.reference.open_calibration", spy)
    return calls


def asked(folder: Path, *, batch: int | str = 1, recorded: dict[str, Any] = RECORDED) -> list[str | Path]:
    """A file with its manifest, its source with or without a static shape, and samples."""
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "W"], ["y"], transB=1)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 2])],
        [helper.make_tensor("W", TensorProto.FLOAT, [2, 3], [0.5, -0.25, 1.0, 1.0, 0.75, -0.5])],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "s.onnx")
    np.save(folder / "x.npy", np.random.default_rng(0).uniform(-1, 1, (8, 3)).astype(np.float32))
    content = converted()
    path = written(folder, content, manifest(content, preprocessing=recorded))
    return [path, "--target", "artpec7", "--reference", folder / "s.onnx", "--data", folder / "x.npy"]


def test_the_manifests_preprocessing_is_the_default(
    tmp_path: Path, opened: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    verified(capsys, *asked(tmp_path))
    (call,) = opened
    assert call["preprocessing"] == Preprocessing(resize=Resize.LETTERBOX, mean=(7.0,), std=(9.0,), stated=True)


def test_what_the_user_states_wins_as_a_whole(
    tmp_path: Path, opened: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    verified(capsys, *asked(tmp_path), "--color", "bgr")
    assert opened[0]["preprocessing"] == Preprocessing(color=Color.BGR)


def test_samples_are_read_once_and_all_of_them_compared(
    tmp_path: Path, opened: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, report, _ = verified(capsys, *asked(tmp_path))
    assert (opened[0]["source"], opened[0]["validation"]) == (None, str(tmp_path / "x.npy"))
    assert report["parity"]["samples"] == 8
    assert report["calibrated"]
    assert not any("made" in text or "fewer" in text for text in report["warnings"])


def test_random_data_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, report, _ = verified(capsys, *asked(tmp_path)[:-1], "random")
    assert not report["calibrated"]
    (note,) = [text for text in report["warnings"] if "synthetic" in text]
    assert note.startswith("compared on synthetic samples")  # the file itself was calibrated, as its manifest says


def test_shapes_that_the_source_leaves_open_are_the_manifests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, report, _ = verified(capsys, *asked(tmp_path, batch="N"))
    assert report["parity"]["min_sqnr_db"] > 30


def newer(folder: Path, version: int) -> Path:
    """A sound file whose CONV_2D is of this version."""

    def change(model: Any) -> None:
        next(c for c in model.operatorCodes if c.builtinCode == BuiltinOperator.CONV_2D).version = version

    path = folder / "m.tflite"
    path.write_bytes(edited(healthy(), change))
    return path


@pytest.mark.parametrize(
    ("version", "firmware", "severity", "detail"),
    [
        (3, "10.6", None, ""),
        (6, "10.6", "fail", "CONV_2D version 6 came with TensorFlow Lite 2.9.0; AXIS OS 10.6 has 2.3.1"),
        (
            6,
            "11.11.73",
            "warn",
            "CONV_2D version 6 came with TensorFlow Lite 2.9.0; AXIS OS 11.11.73 has 2.3.1 or newer",
        ),
        (9, "11.11.73", "warn", "which runtime first had CONV_2D version 9 is not known"),
        (3, "10.5", "fail", "AXIS OS 10.5 loads .larod files only; .tflite came with 10.6"),
    ],
)
def test_versions_of_ops_are_held_against_what_a_firmware_is_known_to_carry(
    version: int, firmware: str, severity: str | None, detail: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = newer(tmp_path, version)
    status, report, _ = verified(capsys, path, "--target", "artpec8", "--firmware", firmware)
    found = [f for f in report["findings"] if f["rule"] == "TFL-FIRMWARE"]
    assert [(f["severity"], f["hits"][0]["detail"]) for f in found] == ([(severity, detail)] if severity else [])
    assert status == (1 if severity == "fail" else 0)


def test_without_a_firmware_the_oldest_runtime_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = newer(tmp_path, 6)
    status, report, _ = verified(capsys, path, "--target", "artpec8")
    assert (status, report["min_runtime"]) == (0, "2.9.0")
    assert main(["verify", str(path), "--target", "artpec8"]) == 0
    assert "TensorFlow Lite 2.9.0 or newer" in capsys.readouterr().out


def test_a_firmware_that_says_nothing_for_a_chip_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = asked(tmp_path)[4]
    _, report, _ = verified(capsys, source, "--target", "cv25", "--firmware", "11.11")
    assert any("--firmware has no effect" in text for text in report["warnings"])


@pytest.mark.parametrize("text", ["11", "11.x", "", "11.1.1.1.1", "-1.2"])
def test_what_is_no_firmware_version_is_a_usage_error(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(newer(tmp_path, 3)), "--target", "artpec8", f"--firmware={text}"]) == 2
    assert "is not a version such as 11.11" in capsys.readouterr().err


def test_ids_of_rules_are_completed_for_the_target() -> None:
    def completed(target: str | None, text: str) -> list[str]:
        context = typer.Context(typer.main.get_command(app), info_name="verify")
        context.params["target"] = target
        return complete_rule(context, text)

    assert completed("artpec8", "a8-part") == ["A8-PARTITIONS"]
    assert completed("artpec9", "A8") == []
    assert "A8-PARTITIONS" in completed(None, "A8")
    assert completed("cv25", "OUT-SQ") == ["OUT-SQNR"]


def test_rules_alone_need_no_optional_library(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(healthy())
    done = run_without_optional_libraries("verify", path, "--target", "artpec8", "--json")
    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout)["format"] == "tflite"


def test_a_comparison_without_its_library_names_the_extra(tmp_path: Path) -> None:
    done = run_without_optional_libraries("verify", *asked(tmp_path))
    assert done.returncode == 12
    assert "dlpuconv[tflite]" in done.stderr


def test_python_takes_models_and_arrays_in_memory_and_finds_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, report, _ = verified(capsys, *asked(tmp_path))
    samples = np.load(tmp_path / "x.npy")
    file, model = asked(tmp_path)[0], load_model(tmp_path / "s.onnx")
    found = dlpuconv.verify(file, target="artpec7", reference=model, data={"x": samples}, progress=None)
    assert found.to_json()["parity"] == report["parity"]
    beside = dlpuconv.compare(file, file, data=samples, reference=model, progress=None)
    assert beside.between is not None
    assert beside.between.exact

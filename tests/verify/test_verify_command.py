"""`dlpuconv verify`: what it takes from the manifest, from the user, and from what is installed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from onnx import TensorProto, helper, save

from dlpuconv.calibration import Preprocessing
from dlpuconv.calibration.preprocess import Color, Resize
from dlpuconv.cli import main
from tests.e2e.support import IMAGES, MODEL, TRAINED_ON
from tests.packaging.test_optional_libraries import run as run_without_optional_libraries
from tests.verify.test_verify_file import converted, manifest, written
from tests.verify.tflite_models import healthy

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

    monkeypatch.setattr(dlpuconv.calibration, "open_calibration", spy)
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
    (note,) = [text for text in report["warnings"] if "made-up" in text]
    assert note.startswith("compared on made-up samples")  # the file itself was calibrated, as its manifest says


def test_shapes_that_the_source_leaves_open_are_the_manifests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, report, _ = verified(capsys, *asked(tmp_path, batch="N"))
    assert report["parity"]["min_sqnr_db"] > 30


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

from __future__ import annotations

import hashlib
import json
import stat
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from tests.e2e.support import IMAGES, MODEL, TRAINED_ON, Finished, Sandbox

pytestmark = pytest.mark.slow
TARGETS = ("artpec7", "artpec8", "artpec9", "cv25")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def convert(sandbox: Sandbox, *arguments: str, model: Path = MODEL) -> tuple[int, dict[str, object], str]:
    done = sandbox.run("convert", str(model), *arguments, "--output", str(sandbox.output), "--json")
    return done.returncode, json.loads(done.stdout), done.stderr


def test_the_answer_lists_each_target_in_order_with_its_path_and_hash(finished: Finished) -> None:
    assert [a["target"] for a in finished.answer["artifacts"]] == list(TARGETS)
    for artifact in finished.answer["artifacts"]:
        path = Path(artifact["path"])
        assert digest(path / "manifest.json" if path.is_dir() else path) == artifact["sha256"]
    assert len(finished.answer["reports"]) == len(TARGETS)
    assert finished.answer["verdict"] == ("pass" if finished.status == 0 else "fail")


@pytest.mark.parametrize("target", TARGETS)
def test_the_manifest_obeys_the_schema_that_ships_with_the_package(finished: Finished, target: str) -> None:
    schema = json.loads(files("dlpuconv.manifest").joinpath("manifest.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(finished.manifest(target))
    assert finished.manifest(target).keys() - {"timings_s"} == set(schema["required"])


@pytest.mark.parametrize("target", TARGETS)
def test_the_manifest_s_hashes_are_those_of_the_files(finished: Finished, target: str) -> None:
    folder = finished.sandbox.output / ("cifar_mobilenetv2.cv25" if target == "cv25" else "")
    for file in finished.manifest(target)["files"]:
        assert digest(folder / file["name"]) == file["sha256"]


@pytest.mark.parametrize("target", TARGETS[:3])
def test_the_file_takes_raw_rgb_pixels_as_a_camera_delivers_them(finished: Finished, target: str) -> None:
    (image,) = finished.manifest(target)["inputs"]
    assert image["dtype"] == "uint8"
    assert image["shape"] == [1, 32, 32, 3]
    assert image["raw_pixels"]
    assert image["pixel_offset"] == 0
    assert image["scale"] == 1.0
    assert finished.manifest(target)["calibration"]["of_images"]


@pytest.mark.parametrize("target", TARGETS[:3])
def test_the_reference_data_are_what_integer_kernels_answer(finished: Finished, target: str) -> None:
    from dlpuconv.formats.detect import runner

    stem = finished.sandbox.output / f"cifar_mobilenetv2.{target}"
    run = runner(Path(f"{stem}.tflite"))
    with np.load(f"{stem}.reference.npz", allow_pickle=False) as reference:
        assert reference["input.input"].shape == (3, 1, 32, 32, 3)
        for x, y in zip(reference["input.input"], reference["output.258"], strict=True):
            assert np.array_equal(run.run({"input": x})["258"], y)


def test_per_channel_weights_keep_the_network_s_answers(finished: Finished) -> None:
    report = finished.answer["reports"][TARGETS.index("artpec7")]
    assert report["verdict"] == "pass"


@pytest.mark.parametrize("target", TARGETS)
def test_report_and_manifest_tell_where_the_layers_will_run(finished: Finished, target: str) -> None:
    placement = finished.manifest(target)["report"]["placement"]
    assert placement == finished.answer["reports"][TARGETS.index(target)]["placement"]
    assert placement["accelerated_share"] == 1.0
    assert placement["macs"] == pytest.approx(9.37e6, rel=0.001)


def test_the_cv25_package_holds_a_float_model_that_passes(finished: Finished) -> None:
    assert finished.answer["reports"][TARGETS.index("cv25")]["verdict"] == "pass"
    assert (finished.sandbox.output / "cifar_mobilenetv2.cv25" / "model.onnx").is_file()


def test_the_same_inputs_give_the_same_bytes(finished: Finished, sandbox: Sandbox) -> None:
    arguments = ("--target", "artpec7", "--target", "cv25", "--calibration", str(IMAGES), *TRAINED_ON)
    _, answer, _ = convert(sandbox, *arguments)
    before = {a["target"]: a["sha256"] for a in finished.answer["artifacts"]}
    assert {a["target"]: a["sha256"] for a in answer["artifacts"]} == {t: before[t] for t in ("artpec7", "cv25")}  # type: ignore[attr-defined]


def test_cached_statistics_give_the_same_file_as_fresh_ones(sandbox: Sandbox) -> None:
    arguments = ("--target", "artpec7", "--calibration", str(IMAGES), *TRAINED_ON, "--force")
    hashes = [convert(sandbox, *arguments, *more)[1]["artifacts"] for more in ((), (), ("--no-cache",))]
    assert hashes[0] == hashes[1] == hashes[2]
    assert any((sandbox.root / "cache").rglob("*.kept"))


def test_cv25_needs_no_calibration(sandbox: Sandbox) -> None:
    status, answer, _ = convert(sandbox, "--target", "cv25")
    assert (status, answer["verdict"]) == (0, "pass")


def test_random_calibration_is_marked_in_manifest_and_report(sandbox: Sandbox) -> None:
    _, answer, stderr = convert(sandbox, "--target", "artpec9", "--calibration", "random")
    manifest = json.loads((sandbox.output / "cifar_mobilenetv2.artpec9.json").read_text())
    assert manifest["calibration"]["calibrated"] is False
    assert manifest["calibration"]["of_images"] is False
    assert manifest["inputs"][0]["picture"] is None, "nobody gave pictures, or said what becomes of them"
    assert answer["reports"][0]["calibrated"] is False  # type: ignore[index]
    assert "not calibrated" in stderr or "random" in stderr


def test_a_conversion_without_data_says_so_and_equalizes(sandbox: Sandbox) -> None:
    """The model's batch normalizations and made-up pictures stand for data."""
    status, answer, stderr = convert(sandbox, "--target", "artpec8", "--calibration", "none", *TRAINED_ON)
    assert status in (0, 1), "figures of made-up pictures mean little"
    manifest = json.loads((sandbox.output / "cifar_mobilenetv2.artpec8.json").read_text())
    assert (manifest["calibration"]["calibrated"], manifest["calibration"]["origin"]) == (False, "synthetic")
    assert (manifest["recipe"]["equalize"], manifest["recipe"]["bias_correction"]) == (True, "analytic")
    assert answer["reports"][0]["calibrated"] is False  # type: ignore[index]
    assert "no calibration data" in stderr


def test_an_existing_file_is_an_error_that_shows_force_and_a_stranger_s_file_takes_force_all(sandbox: Sandbox) -> None:
    sandbox.output.mkdir(parents=True)
    old = sandbox.output / "cifar_mobilenetv2.artpec9.tflite"
    old.write_bytes(b"old")
    status, answer, stderr = convert(sandbox, "--target", "artpec9", "--calibration", "random")
    assert status == 9
    assert answer["error"]["type"] == "OutputError"  # type: ignore[index]
    assert answer["error"]["id"] == "output-exists"  # type: ignore[index]
    assert "--force" in stderr
    status, _, stderr = convert(sandbox, "--target", "artpec9", "--calibration", "random", "--force")
    assert status == 9
    assert old.name in stderr
    assert "--force=all" in stderr
    assert stderr.endswith("[output-foreign]\n")
    assert old.read_bytes() == b"old"
    convert(sandbox, "--target", "artpec9", "--calibration", "random", "--force=all")
    made = old.read_bytes()
    assert made[4:8] == b"TFL3"
    convert(sandbox, "--target", "artpec9", "--calibration", "random", "--force")
    assert old.read_bytes() == made


FAKE_COMPILER = """#!/bin/sh
printf '%s\\n' "$@" > "$FAKE_LOG"
while [ $# -gt 1 ]; do [ "$1" = -o ] && out=$2; shift; done
cp "$1" "$out/$(basename "$1" .tflite)_edgetpu.tflite"
"""


def test_artpec7_runs_the_edge_tpu_compiler_that_is_on_path(sandbox: Sandbox) -> None:
    tools = sandbox.root / "tools with space"
    tools.mkdir(parents=True)
    compiler = tools / "edgetpu_compiler"
    compiler.write_text(FAKE_COMPILER)
    compiler.chmod(compiler.stat().st_mode | stat.S_IEXEC)
    log = sandbox.root / "log"
    environment = sandbox.environment()
    done = sandbox.run(
        "convert", str(MODEL), "-t", "artpec7", "--calibration", str(IMAGES), *TRAINED_ON, "-o", str(sandbox.output),
        PATH=f"{tools}:{environment['PATH']}", FAKE_LOG=str(log),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert log.read_text().splitlines()[:2] == ["-s", "-o"]
    assert (sandbox.output / "cifar_mobilenetv2.artpec7_edgetpu.tflite").is_file()
    assert "larod-client -g cifar_mobilenetv2.artpec7_edgetpu.tflite -c google-edge-tpu-tflite" in done.stdout


def test_without_the_edge_tpu_compiler_the_command_to_run_is_printed(sandbox: Sandbox) -> None:
    done = sandbox.run(
        "convert", str(MODEL), "-t", "artpec7", "--calibration", str(IMAGES), *TRAINED_ON, "-o", str(sandbox.output)
    )
    assert done.returncode == 0, done.stderr
    assert "edgetpu_compiler -s -o . cifar_mobilenetv2.artpec7.tflite" in done.stdout
    assert "first load can take minutes" in done.stdout
    assert "artpec7: all layers (9.37 M MACs) on the Edge TPU, in 1 piece; 0.2 of about 7.7 MiB" in done.stdout


def test_cv25_with_validation_data_alone_is_compared_on_them_and_not_called_random(sandbox: Sandbox) -> None:
    status, answer, stderr = convert(sandbox, "--target", "cv25", "--validation", str(IMAGES), *TRAINED_ON)
    report = answer["reports"][0]  # type: ignore[index]
    assert status == 0, stderr
    assert report["parity"]["samples"] == 100
    assert report["calibrated"]
    assert "random" not in stderr

"""Packages of real models."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from PIL import Image

import dlpuconv
from dlpuconv.verification.verifier import verify_file
from dlpuconv_targets.cv25 import CV25
from scripts.benchmarks.process import measure
from tests.backends.onnx_float.test_backend import ZOO
from tests.targets.cv25.networks import network

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.zoo
@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_the_first_command_that_people_type_makes_a_package_that_verifies(zoo: Path, tmp_path: Path, name: str) -> None:
    conversion = dlpuconv.convert(zoo / name / "model.onnx", target="cv25", cache=False)
    assert conversion.verdict == "pass", conversion.report.reasons
    (package,) = conversion.save(tmp_path)
    again = verify_file(package, CV25)
    assert again.passed
    assert again.parity is not None
    assert {finding.rule for finding in again.findings} <= {"CV-RANGE", "CV-IMAGES", "CV-WIDTH", "CV-OPS"}


@pytest.mark.zoo("imagenet_mnv2_torch")
@pytest.mark.slow
def test_with_images_and_their_normalization_nothing_is_left_to_say(zoo: Path, tmp_path: Path) -> None:
    images = zoo / "_data/imagenet/calib"
    model = zoo / "imagenet_mnv2_torch/model.onnx"
    conversion = dlpuconv.convert(model, target="cv25", calibration=images, preset="imagenet", cache=False)
    report = conversion.report
    assert (report.verdict, report.findings, report.warnings) == ("pass", (), ())
    assert report.parity is not None
    assert report.parity.min_sqnr >= 100
    (package,) = conversion.save(tmp_path)
    assert len(list((package / "representative_images").iterdir())) == 100
    assert {f.stat().st_size for f in (package / "dra_image_bin").glob("*.bin")} == {3 * 224 * 224}
    assert not verify_file(package, CV25).findings


@pytest.mark.slow
def test_memory_does_not_grow_with_the_package(tmp_path: Path) -> None:
    pool = network({"x": (1, 3, 512, 512)}, {"y": "x"})
    pool.graph.node[0].CopyFrom(onnx.helper.make_node("GlobalAveragePool", ["x"], ["y"]))  # computes next to nothing
    onnx.save(pool, tmp_path / "model.onnx")
    noise = np.random.default_rng(1).integers(0, 256, (512, 512, 3)).astype(np.uint8)
    peaks, sizes = [], []
    for count in (10, 120):  # the pixels of 110 are 87 MB
        folder = tmp_path / str(count)
        folder.mkdir()
        for number in range(count):
            Image.fromarray(np.roll(noise, number, 0)).save(folder / f"{number}.bmp")
        options = ("-t", "cv25", "--preset", "0-1", "--calibration", str(folder), "--output", str(folder))
        done = measure([sys.executable, "-m", "dlpuconv", "convert", "model.onnx", *options, "--quiet"], tmp_path)
        assert done.status == 0, done.stderr
        peaks.append(done.peak_mb)
        files = json.loads((folder / "model.cv25/manifest.json").read_text())["files"]
        sizes.append(sum(file["bytes"] for file in files) / 1e6)
    assert sizes[1] - sizes[0] > 150
    assert peaks[1] - peaks[0] < 60, (peaks, sizes)

"""A conversion of a network that is fed what it was not trained on: it passes, and says so everywhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

import dlpuconv
from dlpuconv.cli import main
from tests.e2e.support import IMAGES, MODEL
from tests.passes.rewriting import random

if TYPE_CHECKING:
    from pathlib import Path

RULE = "IN-NORMALIZATION"


@pytest.mark.slow
def test_the_terminal_the_manifest_and_the_report_name_the_preset_that_fits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    options = ["--preset", "0-255", "--calibration", str(IMAGES), "--output", str(tmp_path), "--report", str(page)]
    assert main(["convert", str(MODEL), "-t", "cv25", *options]) == 0
    out, err = capsys.readouterr()
    assert "--preset imagenet would fit" in err
    assert f"cv25: {RULE}: " in out
    manifest = json.loads((tmp_path / "cifar_mobilenetv2.cv25" / "manifest.json").read_text())
    (finding,) = (finding for finding in manifest["report"]["findings"] if finding["rule"] == RULE)
    assert finding["severity"] == "warn"
    assert finding["hits"][0]["detail"].endswith("--preset imagenet would fit")
    assert RULE in page.read_text()


@pytest.mark.slow
def test_arrays_without_a_statement_pass_and_say_what_to_state() -> None:
    values = np.clip(random(20, 3, 32, 32), -1, 1)
    made = dlpuconv.convert(MODEL, target="cv25", calibration=values)["cv25"]
    (told,) = (text for text in made.report.warnings if "raw_pixels" in text)
    assert "as preset='-1-1' makes them" in told

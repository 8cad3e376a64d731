"""The demos, as a newcomer runs them."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from scripts.demo import DEMOS
from scripts.demos.detector import FLOAT, INT8

if TYPE_CHECKING:
    from pathlib import Path

ROW = re.compile(r"^(\w+) +(\S+) +(\S+) +\d+ kB +(int8|float32) +([\d.]+)% +([\d.]+)% +(pass|FAIL)$", re.MULTILINE)
FLOAT_CLASSIFIER = 83.5  # 167 of the 200 bundled images
FLOAT_KEYWORDS = 91.0  # 182 of the 200 bundled words

type Row = tuple[str, str, str, str, str]


def called(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repository / "scripts" / "demo.py"), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd="/")


def rows(done: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], Row]:
    """By target and recipe: file, numbers, float, converted, verdict."""
    assert done.returncode == 0, done.stdout + done.stderr
    return {(target, recipe): rest for target, recipe, *rest in ROW.findall(done.stdout)}


@pytest.mark.slow
def test_the_classifier_is_converted_for_three_chips_and_each_file_measured(repository: Path, tmp_path: Path) -> None:
    done = called(repository, "--output", str(tmp_path))
    found = rows(done)
    assert list(found) == [("artpec7", "balanced"), ("artpec8", "balanced"), ("cv25", "-"), ("artpec8", "plain")]
    *good, plain = found.values()
    for file, _, before, after, verdict in good:
        assert (tmp_path / "classifier" / file).exists()
        assert float(before) == FLOAT_CLASSIFIER
        assert abs(float(after) - FLOAT_CLASSIFIER) <= 2.0
        assert verdict == "pass"
    assert [numbers for _, numbers, *_ in good] == ["int8", "int8", "float32"]
    # Plain per-tensor quantization ruins this network: the verifier must see that, and the demo say why.
    assert float(plain[3]) < 50
    assert plain[4] == "FAIL"
    assert "plain artpec8: " in done.stdout


@pytest.mark.slow
def test_the_keyword_spotter_prints_what_it_heard(repository: Path, tmp_path: Path) -> None:
    done = called(repository, "keywords", "--output", str(tmp_path))
    found = rows(done)
    assert list(found) == [("artpec8", "balanced"), ("artpec9", "balanced")]
    for file, numbers, before, after, verdict in found.values():
        assert (tmp_path / "keywords" / file).exists()
        assert (numbers, float(before), verdict) == ("int8", FLOAT_KEYWORDS, "pass")
        assert abs(float(after) - FLOAT_KEYWORDS) <= 2.0
    assert re.search(r"^up +up +up *$", done.stdout, re.MULTILINE)  # said, heard in floats, heard in integers


@pytest.mark.slow
def test_the_detector_draws_what_it_finds_in_floats_beside_int8(repository: Path, tmp_path: Path) -> None:
    found = rows(called(repository, "detector", "--output", str(tmp_path)))
    ((_, numbers, before, after, verdict),) = found.values()
    assert (numbers, verdict) == ("int8", "pass")
    assert float(after) > float(before) - 3
    picture = np.asarray(Image.open(tmp_path / "detector" / "faces.png"))
    left, right = np.split(picture, 2, axis=1)
    for half, colour, other in ((left, FLOAT, INT8), (right, INT8, FLOAT)):
        assert (half == colour).all(axis=2).sum() > 1000  # pixels of boxes
        assert not (half == other).all(axis=2).any()


def test_the_list_says_what_each_demo_shows(repository: Path) -> None:
    done = called(repository, "--list")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(DEMOS)


def test_a_mistyped_demo_is_told_the_right_one(repository: Path) -> None:
    done = called(repository, "detectr")
    assert done.returncode == 2
    assert (
        "there is no demo 'detectr' (did you mean 'detector'?); there are classifier, detector, keywords" in done.stderr
    )


def test_the_classifiers_images_are_balanced(repository: Path) -> None:
    data = repository / "tests" / "models" / "_data" / "cifar10"
    assert len(list((data / "calibration").glob("*.png"))) == 100
    assert {len(list(folder.iterdir())) for folder in (data / "evaluation").iterdir()} == {20}

"""The demo, as a newcomer runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

ROW = re.compile(r"^(\w+) +(\S+) +\d+ kB +(int8|float32) +([\d.]+)% +([\d.]+)% +(pass|FAIL)$", re.MULTILINE)


@pytest.mark.slow
def test_the_demo_converts_for_three_chips_and_measures_each_file(repository: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(repository / "scripts" / "demo.py"), "--output", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = {target: rest for target, *rest in ROW.findall(done.stdout)}
    assert list(found) == ["artpec7", "artpec8", "cv25"]
    for target, (file, numbers, before, _, verdict) in found.items():
        assert (tmp_path / file).exists()
        assert numbers == ("float32" if target == "cv25" else "int8")
        assert float(before) == 83.5  # 167 of the 200 bundled images
        assert verdict == "pass" or f"{target}: " in done.stdout  # a failure has its reason beside it
    assert abs(float(found["artpec7"][3]) - 83.5) <= 2.0
    assert float(found["cv25"][3]) == 83.5


def test_the_demos_images_are_balanced_and_name_their_source(repository: Path) -> None:
    data = repository / "scripts" / "demo_data"
    assert len(list((data / "calibration").glob("*.png"))) == 100
    assert {len(list(folder.iterdir())) for folder in (data / "evaluation").iterdir()} == {20}
    assert "CIFAR-10" in (notice := (data / "NOTICE").read_text())
    assert "Krizhevsky" in notice

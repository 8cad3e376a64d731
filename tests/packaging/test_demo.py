"""The demo, as a newcomer runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

ROW = re.compile(r"^(\w+) +(\S+) +(\S+) +\d+ kB +(int8|float32) +([\d.]+)% +([\d.]+)% +(pass|FAIL)$", re.MULTILINE)
FLOAT = 83.5  # 167 of the 200 bundled images


@pytest.mark.slow
def test_the_demo_converts_for_three_chips_and_measures_each_file(repository: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(repository / "scripts" / "demo.py"), "--output", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {(target, effort): rest for target, effort, *rest in ROW.findall(done.stdout)}
    assert list(rows) == [("artpec7", "balanced"), ("artpec8", "balanced"), ("cv25", "-"), ("artpec8", "plain")]
    *good, plain = rows.values()
    for file, _, before, after, verdict in good:
        assert (tmp_path / file).exists()
        assert float(before) == FLOAT
        assert abs(float(after) - FLOAT) <= 2.0
        assert verdict == "pass"
    assert [numbers for _, numbers, *_ in good] == ["int8", "int8", "float32"]
    # Plain per-tensor quantization ruins this network: the verifier must see that, and the demo say why.
    assert float(plain[3]) < 50
    assert plain[4] == "FAIL"
    assert "plain artpec8: " in done.stdout


def test_the_demos_images_are_balanced_and_name_their_source(repository: Path) -> None:
    data = repository / "scripts" / "demo_data"
    assert len(list((data / "calibration").glob("*.png"))) == 100
    assert {len(list(folder.iterdir())) for folder in (data / "evaluation").iterdir()} == {20}
    assert "CIFAR-10" in (notice := (data / "NOTICE").read_text())
    assert "Krizhevsky" in notice

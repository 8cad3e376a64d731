"""scripts/same_bytes.py: it runs each tree's own code, and a byte that differs is found."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_MARK = 'description: str = "dlpuconv"'
"""What the graph of a TFLite file says of its maker."""


def call(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repository / "scripts" / "same_bytes.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=repository)


@pytest.mark.zoo
@pytest.mark.slow
def test_a_tree_that_makes_another_byte_is_told_from_one_that_makes_the_same(repository: Path, tmp_path: Path) -> None:
    """The other tree is a copy, whose files are then marked as somebody else's."""
    other = tmp_path / "other"
    for name in ("dlpuconv", "backends", "targets"):
        shutil.copytree(repository / name, other / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repository / "pyproject.toml", other)
    record, options = tmp_path / "record.json", ("--models", "vww*", "--efforts", "fast")
    made = call(repository, ".", *options, "--samples", "5", "--record", str(record))
    assert made.returncode == 0, made.stderr
    artifacts = json.loads(record.read_text())["artifacts"]
    names = {f"vww_mobilenetv1_025.{name}" for name in ("artpec7.fast", "artpec8.fast", "artpec9.fast", "cv25")}
    assert artifacts.keys() == names
    assert all(len(digest) == 64 for digest in artifacts.values())

    same = call(repository, str(other), *options, "--against", str(record))
    assert same.returncode == 0, same.stdout
    assert "4 of 4 artifacts are the same" in same.stdout

    (marked,) = (file for file in (other / "backends").rglob("graph.py") if _MARK in file.read_text("utf-8"))
    marked.write_text(marked.read_text("utf-8").replace(_MARK, _MARK.replace("dlpuconv", "somebody")), "utf-8")
    different = call(repository, str(other), *options, "--against", str(record))
    assert different.returncode == 1, different.stdout
    assert "1 of 4 artifacts are the same" in different.stdout  # that for cv25


def test_one_tree_alone_has_nothing_to_be_compared_with(repository: Path) -> None:
    done = call(repository, ".", "--models", "vww*")
    assert done.returncode == 1
    assert "needs --record FILE or --against FILE" in done.stderr

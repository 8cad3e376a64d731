"""The fixture that dlpuconv brings to pytest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TEST = """
def test_contract(dlpuconv_contract):
    dlpuconv_contract(target={target!r})

def test_nothing_is_loaded_before_it_is_used():
    import sys
    assert [name for name in sys.modules if name.startswith("dlpuconv.")] == {loaded!r}
"""


def run(folder: Path, target: str, loaded: list[str], test: str) -> subprocess.CompletedProcess[str]:
    """A run of pytest that knows the fixture as an installed dlpuconv brings it: by its entry point."""
    info = folder / "fixture-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fixture\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pytest11]\ndlpuconv = dlpuconv.testing.fixtures\n")
    (folder / "test_it.py").write_text(TEST.format(target=target, loaded=loaded))
    paths = os.pathsep.join([str(folder), *(entry for entry in sys.path if entry)])
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "-p", "no:cacheprovider", f"test_it.py::{test}"]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_it_tells_of_all_broken_clauses_at_once(tmp_path: Path) -> None:
    sound = run(tmp_path, "cv25", [], "test_contract")
    assert sound.returncode == 0, sound.stdout
    broken = run(tmp_path, "no-such-chip", [], "test_contract")
    assert broken.returncode == 1
    assert "10 clauses of the contract are broken" in broken.stdout
    assert broken.stdout.count("no target named 'no-such-chip'") >= 10


def test_it_costs_nothing_where_it_is_not_used(tmp_path: Path) -> None:
    of_the_fixture = ["dlpuconv.lazy", "dlpuconv.testing", "dlpuconv.testing.fixtures"]
    done = run(tmp_path, "", of_the_fixture, "test_nothing_is_loaded_before_it_is_used")
    assert done.returncode == 0, done.stdout


def test_dlpuconv_itself_never_imports_pytest() -> None:
    code = "import sys, dlpuconv.cli.app; from dlpuconv.testing import BackendContract; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

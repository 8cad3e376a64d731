"""Whenever Ctrl-C comes, no temporary folder and no worker outlives the process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def steps(work: str, files: str, folder: Path) -> int:
    """How many there were, none of which left a thing."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-m", "tests.interruptions", work, files],
        env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_ctrl_c_at_any_step_leaves_no_temporary_folder(tmp_path: Path) -> None:
    files = "scratch.py,uninterrupted.py,threading.py,contextlib.py,tempfile.py,shutil.py"
    assert steps("folder", files, tmp_path) > 60


def test_ctrl_c_at_any_step_of_a_worker_leaves_no_folder_and_no_process(tmp_path: Path) -> None:
    assert steps("worker", "process.py,uninterrupted.py", tmp_path) > 40

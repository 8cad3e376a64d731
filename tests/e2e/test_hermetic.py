"""A run leaves nothing behind but its results, whatever ends it."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.e2e.support import IMAGES, MODEL, TRAINED_ON, Finished, Sandbox

pytestmark = pytest.mark.slow
ARGUMENTS = ("convert", str(MODEL), "--target", "artpec9", "--calibration", str(IMAGES), *TRAINED_ON)
LONGEST = 300  # seconds, which only a hang exceeds


def files_below(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files_below(folder)}


def test_only_output_and_cache_are_written(finished: Finished) -> None:
    sandbox = finished.sandbox
    assert os.listdir(sandbox.temporary) == []
    assert os.listdir(sandbox.root / "cwd") == []
    assert files_below(sandbox.root / "home") == []
    assert set(os.listdir(sandbox.root)) <= {"out", "tmp", "cwd", "home", "cache"}


def test_the_user_s_files_are_untouched(sandbox: Sandbox) -> None:
    copy = sandbox.root / "given"
    copy.mkdir(parents=True)
    (copy / "model.onnx").write_bytes(MODEL.read_bytes())
    before, model_before = digests(IMAGES), digests(copy)
    done = sandbox.run("convert", str(copy / "model.onnx"), *ARGUMENTS[2:], "--output", str(sandbox.output))
    assert done.returncode in (0, 1), done.stderr
    assert digests(IMAGES) == before
    assert digests(copy) == model_before


def wait_for_work(sandbox: Sandbox, process: subprocess.Popen[str]) -> None:
    """Until the conversion has a temporary folder: how long the start takes depends on the machine."""
    deadline = time.monotonic() + LONGEST
    while not os.listdir(sandbox.temporary):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the conversion did not begin"
        time.sleep(0.02)


@pytest.mark.parametrize("delay_s", [0.0, 0.3, 1.0])
def test_ctrl_c_leaves_no_file_and_no_process(sandbox: Sandbox, delay_s: float) -> None:
    process = sandbox.start(*ARGUMENTS, "--effort", "best", "--output", str(sandbox.output))  # it lasts
    family = psutil.Process(process.pid)
    wait_for_work(sandbox, process)
    time.sleep(delay_s)
    children = family.children(recursive=True)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LONGEST)
    assert process.returncode == 130
    assert os.listdir(sandbox.temporary) == []
    assert not sandbox.output.exists()
    _, alive = psutil.wait_procs(children, timeout=LONGEST)
    assert not alive


def test_sigterm_leaves_no_file(sandbox: Sandbox) -> None:
    process = sandbox.start(*ARGUMENTS, "--effort", "best", "--output", str(sandbox.output))  # it lasts
    wait_for_work(sandbox, process)
    time.sleep(0.3)
    process.terminate()
    process.communicate(timeout=LONGEST)
    assert process.returncode == 143
    assert os.listdir(sandbox.temporary) == []


@pytest.mark.parametrize(
    "script",
    ["import os; os.abort()", "raise SystemExit(3)", "print('garbage')", "import sys; sys.stdin.read()"],
)
def test_a_worker_that_dies_is_one_sentence_and_leaves_nothing(sandbox: Sandbox, script: str) -> None:
    fake = sandbox.root / "python"
    fake.parent.mkdir(parents=True, exist_ok=True)
    fake.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{script}"\n')
    fake.chmod(0o755)
    done = sandbox.run(
        *ARGUMENTS,
        "--output",
        str(sandbox.output),
        DLPUCONV_LOWERING_PYTHON=str(fake),
        DLPUCONV_LOWERING_TIMEOUT="3",
    )
    assert done.returncode == 7, done.stderr
    assert done.stderr.count("error:") == 1
    assert "Traceback" not in done.stderr
    assert os.listdir(sandbox.temporary) == []
    assert not sandbox.output.exists()


def test_a_time_limit_that_is_no_number_is_a_usage_error(sandbox: Sandbox) -> None:
    done = sandbox.run(*ARGUMENTS, "--output", str(sandbox.output), DLPUCONV_LOWERING_TIMEOUT="soon")
    assert done.returncode == 2
    assert "DLPUCONV_LOWERING_TIMEOUT is 'soon'" in done.stderr

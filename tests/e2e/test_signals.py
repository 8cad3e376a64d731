"""What stops a command: each signal has its status, and all of them clean up alike."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.e2e.support import LONGEST, MODEL, Sandbox

STATUS = {signal.SIGHUP: 129, signal.SIGINT: 130, signal.SIGQUIT: 131, signal.SIGTERM: 143}
CONVERT = ("convert", str(MODEL), "-t", "artpec8", "--calibration", "random", "--output", "out")
SCRIPT = """
import atexit, os, signal, subprocess, sys, tempfile, weakref
from dlpuconv.workflow import convert as pipeline
from dlpuconv.cli import main

class Held:
    pass

held = Held()

def convert(*_):
    global folder
    folder = tempfile.mkdtemp()
    weakref.finalize(held, at_exit)
    worker = subprocess.Popen(["sleep", "1000"])
    print(worker.pid, flush=True)
    try:
        try:
            signal.raise_signal(FIRST)
        finally:
            try:
                os.stat("gone")
            except OSError:
                signal.raise_signal(SECOND)
            worker.kill()
            worker.wait()
    finally:
        signal.raise_signal(SECOND)
        os.mkdir(os.path.join(folder, "first"))

def at_exit():
    signal.raise_signal(SECOND)
    os.mkdir(os.path.join(folder, "second"))

pipeline.convert = convert
sys.exit(main())
"""


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    made = Sandbox(tmp_path)
    made.environment()
    return made


def start(sandbox: Sandbox, *command: str, listening: Callable[[], object]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=sandbox.root / "cwd",
        env=sandbox.environment(),
        preexec_fn=listening,
    )


def to_all() -> None:
    """As a terminal starts a command."""
    for number in STATUS:
        signal.signal(number, signal.SIG_DFL)


def to_none() -> None:
    """As `nohup` and a shell's background job do it."""
    for number in STATUS:
        signal.signal(number, signal.SIG_IGN)


def wait_for_work(sandbox: Sandbox, process: subprocess.Popen[str]) -> None:
    """Until the conversion has a temporary folder."""
    while not os.listdir(sandbox.temporary):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.mark.parametrize("number", STATUS)
def test_every_signal_has_its_status_and_leaves_no_file_and_no_process(
    sandbox: Sandbox, number: signal.Signals
) -> None:
    process = start(sandbox, "-m", "dlpuconv", *CONVERT, listening=to_all)
    wait_for_work(sandbox, process)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    _, err = process.communicate(timeout=LONGEST)
    assert process.returncode == STATUS[number]
    assert err.splitlines()[-1] == "error: interrupted"
    assert "Traceback" not in err
    assert os.listdir(sandbox.temporary) == []
    assert not (sandbox.root / "cwd" / "out").exists()
    _, alive = psutil.wait_procs(children, timeout=LONGEST)
    assert not alive


@pytest.mark.parametrize("first", STATUS)
@pytest.mark.parametrize("second", ["SIGINT", "SIGTERM"])
def test_a_second_signal_disturbs_no_cleaning_up(sandbox: Sandbox, first: signal.Signals, second: str) -> None:
    """It comes while an error is handled in a `finally`, in one around that, and while Python ends."""
    script = SCRIPT.replace("FIRST", f"signal.{first.name}").replace("SECOND", f"signal.{second}")
    process = start(sandbox, "-c", script, *CONVERT, listening=to_all)
    out, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, err) == (STATUS[first], "error: interrupted\n")
    assert not psutil.pid_exists(int(out))
    (folder,) = sandbox.temporary.iterdir()
    assert sorted(entry.name for entry in folder.iterdir()) == ["first", "second"]


@pytest.mark.parametrize("number", STATUS)
def test_a_signal_that_is_ignored_from_the_start_stays_ignored(sandbox: Sandbox, number: signal.Signals) -> None:
    process = start(sandbox, "-m", "dlpuconv", *CONVERT, "--effort", "fast", listening=to_none)
    wait_for_work(sandbox, process)
    process.send_signal(number)
    _, err = process.communicate(timeout=LONGEST)
    assert process.returncode in (0, 1), err
    assert (sandbox.root / "cwd" / "out").exists()


def test_ctrl_c_while_the_command_is_loaded_is_one_word(sandbox: Sandbox) -> None:
    script = """
import signal, sys

class CtrlC:
    def find_spec(self, name, *_):
        if name == "dlpuconv.errors":
            signal.raise_signal(signal.SIGINT)

from dlpuconv.cli import main
sys.meta_path.insert(0, CtrlC())
sys.exit(main())
"""
    process = start(sandbox, "-c", script, "targets", listening=to_all)
    assert process.communicate(timeout=LONGEST) == ("", "error: interrupted\n")
    assert process.returncode == 130

"""Ctrl-C at each step of some work, one process after the other, and what each has left behind.

    python -m tests.interruptions WORK FILES

WORK is one of those below. FILES are names of source files, such as `scratch.py,tempfile.py`: a step is a line of
theirs that the main thread runs, or a return from one. It prints how many there were. TMPDIR names an empty folder.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from dlpuconv.cli.interruption import Stopped, stop_signals
from dlpuconv.files.scratch import temporary_folder
from dlpuconv.isolation.process import Launch, Worker

_LONGEST = 300
"""Seconds, which only a hang exceeds."""
_BE_PARENT_OF_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER of linux/prctl.h


def folder() -> None:
    """A temporary folder that is written to."""
    with temporary_folder("a") as place:
        (place / "file").write_bytes(b"1")


def worker() -> None:
    """A worker with a folder, which begins and is ended."""
    tasks = Path(__file__).with_name("isolation") / "tasks.py"
    Worker(Launch(title="the test worker", tasks=tasks, has_folder=True)).end()


WORK = {work.__name__: work for work in (folder, worker)}


def main(work: str, files: str) -> int:
    """Interrupt work at its first step, its second and so on, until it comes to its end before."""
    ctypes.CDLL(None).prctl(_BE_PARENT_OF_ORPHANS, 1)
    watched, step = set(files.split(",")), 0
    while True:
        step += 1
        child = os.fork()
        if not child:
            return _interrupted(WORK[work], step, watched)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        left = os.listdir(os.environ["TMPDIR"])
        assert not left, f"the interruption at step {step} leaves {left}"
        _wait_for_orphans()
        if status == 0:
            print(step - 1)  # noqa: T201 - the result
            return 0
        assert status == 130, f"the interruption at step {step} ends in {status}"


def _interrupted(work: Callable[[], None], step: int, watched: set[str]) -> int:
    signal.alarm(_LONGEST)  # ends this process, so that the step is told
    left = step

    def trace(frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
        nonlocal left
        if event in ("line", "return") and Path(frame.f_code.co_filename).name in watched:
            left -= 1
            if not left:
                sys.settrace(None)
                signal.raise_signal(signal.SIGINT)
        return trace

    assert tempfile.tempdir is None  # trying it out is among the steps
    with stop_signals:
        try:
            sys.settrace(trace)
            work()
            sys.settrace(None)
        except Stopped:
            stop_signals.ignore()
    return stop_signals.status or 0


def _wait_for_orphans() -> None:
    """For ever, where one does not end by itself."""
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

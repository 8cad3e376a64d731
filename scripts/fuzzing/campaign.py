"""Runs many cases in forked children; where one dies, the case is known, and the next goes on behind it."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import re
import select
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from scripts.fuzzing.child import work
from scripts.fuzzing.outcome import Kind, Outcome, is_ours

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.fuzzing.reader import Reader

BATCH = 200
"""Cases that a child reads before another takes over: what leaks does not add up."""
_PATIENCE_S = 300
"""For a case that takes no processor time and does not end."""


class ChildError(RuntimeError):
    """The fuzzer itself failed in a child."""


@dataclass(slots=True)
class _Child:
    pid: int
    pipe: IO[bytes]
    trace: IO[bytes]
    began: dict[str, int] = field(default_factory=dict)


def outcomes(reader: Reader, seed: int, numbers: range) -> Iterator[Outcome]:
    """What becomes of each case, in order.

    Raises:
        ChildError: a child ended without having begun a case.
    """
    gc.collect()
    gc.freeze()  # what a child would only copy by counting references to it
    following = numbers.start
    with tempfile.TemporaryDirectory(prefix="dlpuconv-fuzz-", ignore_cleanup_errors=True) as workspace:
        while following < numbers.stop:
            batch = range(following, min(following + BATCH, numbers.stop))
            for outcome in _of_one_child(reader, seed, batch, Path(workspace)):
                yield outcome
                following = outcome.number + 1


def _of_one_child(reader: Reader, seed: int, numbers: range, workspace: Path) -> Iterator[Outcome]:
    """Those of a child, which may be fewer than it was asked for: the last one is of the case that ended it."""
    child = _started(reader, seed, numbers, workspace)
    finished = ended_by_us = False
    try:
        while line := _line(child):
            told = json.loads(line)
            if "loaded" in told:
                _load(told["loaded"])
                continue
            if "began" in told:
                child.began = told
                continue
            child.began = {}
            yield Outcome(**{**told, "kind": Kind(told["kind"])})
            finished = told["number"] == numbers[-1]
    except TimeoutError:
        ended_by_us = True
    finally:
        if not finished:
            os.kill(child.pid, signal.SIGKILL) if ended_by_us else None
        _, status = os.waitpid(child.pid, 0)
        child.pipe.close()
    if not finished:
        yield _last(child, status, hung=ended_by_us)


def _load(names: list[str]) -> None:
    """Import what a child did, so that the following ones find it there."""
    for name in names:
        if name not in sys.modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


def _line(child: _Child) -> bytes:
    """The next line, or nothing where the child has ended.

    Raises:
        TimeoutError: none comes.
    """
    deadline = time.monotonic() + _PATIENCE_S
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([child.pipe], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        part = child.pipe.readline()
        if not part:
            return b""
        line += part
    return line


def _started(reader: Reader, seed: int, numbers: range, workspace: Path) -> _Child:
    reading, writing = os.pipe()
    trace = tempfile.TemporaryFile(dir=workspace)  # noqa: SIM115 - for as long as the child lives
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(writing)
        return _Child(pid, os.fdopen(reading, "rb", buffering=0), trace)
    status = 1
    try:
        os.close(reading)
        work(reader, seed, numbers, writing, trace.fileno(), workspace / "case")
        status = 0
    except BaseException:  # noqa: BLE001 - a child never goes on as if it were the parent
        os.write(trace.fileno(), traceback.format_exc().encode())
    finally:
        os._exit(status)


def _last(child: _Child, status: int, *, hung: bool) -> Outcome:
    """What became of the case that a child did not survive."""
    child.trace.seek(0)
    text = child.trace.read().decode("utf-8", "replace")
    if not child.began:
        raise ChildError(f"a child of the fuzzer ended before it read anything (status {status}):\n{text}")
    number = child.began["began"]
    if not os.WIFSIGNALED(status):
        raise ChildError(f"the fuzzer itself failed on case {number}:\n{text}")
    name = signal.Signals(os.WTERMSIG(status)).name
    kind = Kind.TIME if hung or name == "SIGPROF" else Kind.SIGNAL
    return Outcome(
        number=number, kind=kind, error=name, where=_place(text), message=text[:300], size=child.began["size"]
    )


def _place(text: str) -> str:
    """Where the stack that a signal left was last in this repository."""
    frames = re.findall(r'File "([^"]+)", line (\d+)', text)
    ours = [frame for frame in frames if is_ours(frame[0])] or frames[:1]
    return f"{Path(ours[0][0]).name}:{ours[0][1]}" if ours else "unknown"

"""The process that reads cases: within limits, and telling of each before it goes on to the next."""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import shutil
import signal
import sys
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from dlpuconv.isolation import pool
from scripts.fuzzing.outcome import SOUND, Kind, outcome_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scripts.fuzzing.outcome import Outcome
    from scripts.fuzzing.reader import Files, Reader

MEMORY = 1 << 30
"""Bytes beside what the process held before that a case may take."""
SECONDS = 10
"""Of processor time that a case may take."""
_SHARED = ("dlpuconv", "dlpuconv_backends", "dlpuconv_targets", "numpy", "onnx", "rich", "PIL")
"""Packages whose modules the next children need not load again: they start neither threads nor processes."""
_ADDRESSES = 4 << 30
"""Of address space: where a case takes more than this at once, the machine is spared."""


def make_case(reader: Reader, seed: int, number: int) -> Files:
    """The files of a case, by the name of its reader, the seed and its number alone."""
    return reader.make(Random(f"{reader.name}/{seed}/{number}"))


def place(files: Files, folder: Path) -> int:
    """Write a case into an empty folder, and say how large it is."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return sum(map(len, files.values()))


def work(reader: Reader, seed: int, numbers: Iterable[int], pipe: int, trace: int, folder: Path) -> None:
    """Read one case after another; what is to be told of them goes to the pipe, a line each.

    Args:
        reader: prepared.
        seed: of the cases.
        numbers: of the cases.
        pipe: a file descriptor to write to.
        trace: another, for the stack of a process that is ended by a signal.
        folder: to be used for each case.
    """
    _limit(trace)
    for number in numbers:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        size = place(make_case(reader, seed, number), folder)
        _tell(pipe, {"began": number, "size": size})
        before = _restarted_peak()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        outcome = outcome_of(reader, folder, number, size)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _tell(pipe, asdict(_weighed(outcome, _peak() - before)))
    pool.end()  # and its processor time counts
    _tell(pipe, {"loaded": [name for name in sys.modules if name.split(".")[0] in _SHARED]})


def _weighed(outcome: Outcome, taken: int) -> Outcome:
    if taken <= MEMORY or outcome.kind not in SOUND:
        return outcome
    return replace(outcome, kind=Kind.MEMORY, message=f"it took {taken >> 20} MiB; {outcome.message}")


def _limit(trace: int) -> None:
    faulthandler.enable(trace, all_threads=False)
    # The stack at the end of a case's time, and then the signal's own effect: the end of the process.
    faulthandler.register(signal.SIGPROF, trace, all_threads=False, chain=True)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)  # what libraries write past Python
    most = _status("VmSize") + _ADDRESSES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123 - for as long as the process lives


def _tell(pipe: int, what: dict[str, object]) -> None:
    os.write(pipe, json.dumps(what).encode() + b"\n")


def _restarted_peak() -> int:
    """The memory that this process holds now, from which its peak is counted again."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(field: str) -> int:
    """A figure that Linux tells of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) << 10
    raise RuntimeError(f"this system tells no {field}")

"""One command, its wall time, and the memory of all its processes together."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_EVERY_S = 0.02
_NOTHING = 1_000_000  # bytes: what may change between two looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a command took.

    Attributes:
        wall_s: from start to end, in seconds.
        cpu_s: of all its processes; unlike the wall time, it hardly depends on what else the machine does.
        peak_mb: the largest sum of memory over the process tree, in 10^6 bytes. Of resident memory, what two programs
            share counts for each, what a fork shares with its parent does not.
        status: exit status.
        stdout: what it printed.
        stderr: likewise.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    status: int
    stdout: str
    stderr: str

    @property
    def last_words(self) -> str:
        """The end of what it complained about, for messages."""
        lines = [line.strip() for line in self.stderr.splitlines() if line.strip()]
        return lines[-1][:200] if lines else ""


def resident(process: psutil.Process) -> int:
    """Memory in bytes; of a fork only what it does not share with its parent."""
    own, parent = int(process.memory_info().rss), process.parent()
    if parent is None or process.cmdline() != parent.cmdline():
        return own
    # Until it runs its own program, a child that subprocess started is in its parent's memory, which nobody shares.
    starting = abs(parent.memory_info().rss - own) < _NOTHING
    return 0 if starting else int(process.memory_full_info().uss)


def proportional(process: psutil.Process) -> int:
    """Memory in bytes, each page divided by how many processes share it; pages of mapped files that are in memory too.

    The kernel counts them one by one, which takes a millisecond for a hundred megabytes.
    """
    for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Pss:"):
            return 1024 * int(line.split()[1])
    return 0


def measure(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    memory: Callable[[psutil.Process], int] = resident,
) -> Measured:
    """Run a command in a folder, sampling its memory fifty times a second.

    Args:
        command: with its arguments.
        folder: to run it in.
        environment: over this process's own.
        memory: of one process, in bytes.
    """
    # Files rather than pipes: nobody has to read while the command runs.
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        spent, start = _cpu_seconds(), time.perf_counter()
        process = psutil.Popen(
            list(command),
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
        peak = [0]
        done = threading.Event()
        sampler = threading.Thread(target=_sample, args=(process, memory, peak, done), daemon=True)
        sampler.start()
        status = process.wait()
        wall = time.perf_counter() - start
        done.set()
        sampler.join()
        stdout.seek(0)
        stderr.seek(0)
        return Measured(
            wall_s=wall,
            cpu_s=_cpu_seconds() - spent,
            peak_mb=peak[0] / 1e6,
            status=status,
            stdout=stdout.read(),
            stderr=stderr.read(),
        )


def _cpu_seconds() -> float:
    """Of this process's children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _sample(
    process: psutil.Popen, memory: Callable[[psutil.Process], int], peak: list[int], done: threading.Event
) -> None:
    while not done.wait(_EVERY_S):
        try:
            tree = [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        peak[0] = max(peak[0], sum(_of(each, memory) for each in tree))


def _of(process: psutil.Process, memory: Callable[[psutil.Process], int]) -> int:
    try:
        return memory(process)
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):  # it has ended
        return 0

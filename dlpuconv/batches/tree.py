"""What a process and all that it started take of memory, as the kernel counts it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_KIB = 1024


def family(process: int) -> list[int]:
    """The process with its children and theirs, as far as they are there."""
    found = [process]
    for each in found:
        found += _children(each)
    return found


def resident(processes: list[int]) -> int:
    """Bytes in memory, where what several share counts for each: quickly read, and never too little."""
    return sum(_resident(process) for process in processes)


def proportional(processes: list[int]) -> int:
    """Bytes in memory, where what several share is divided among them."""
    return sum(_proportional(process) for process in processes)


def _children(process: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for thread in (_PROC / str(process) / "task").iterdir():
            with suppress(OSError):
                found += map(int, (thread / "children").read_text("ascii").split())
    return found


def _resident(process: int) -> int:
    try:
        return int((_PROC / str(process) / "statm").read_text("ascii").split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional(process: int) -> int:
    """Without the right to look closer, or on a kernel that tells no more: what is resident."""
    try:
        for line in (_PROC / str(process) / "smaps_rollup").read_text("ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * _KIB
    except (OSError, ValueError, IndexError):
        pass
    return _resident(process)

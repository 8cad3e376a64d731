"""Workers: libraries written in C++ read strangers' files in processes of their own, which may end."""

from __future__ import annotations

from dlpuconv.isolation import (
    GIBIBYTE,
    Attendant,
    CrashError,
    ExcessError,
    Launch,
    Limits,
    MissingLibraryError,
    OvertimeError,
    TaskError,
    Worker,
    WorkerError,
    pool,
)
from dlpuconv.isolation.messages import Message, file_of, packed, unpacked
from dlpuconv.isolation.serve import Arrays, Facts, Task

__all__ = [
    # a worker
    "GIBIBYTE", "Attendant", "Launch", "Limits", "Worker", "pool",
    # what it runs
    "Arrays", "Facts", "Message", "Task", "file_of", "packed", "unpacked",
    # what may become of it
    "CrashError", "ExcessError", "MissingLibraryError", "OvertimeError", "TaskError", "WorkerError",
]  # fmt: skip

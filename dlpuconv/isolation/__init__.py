"""Libraries written in C++ read strangers' files in processes of their own, which may end: one protocol for all.

`pool` has the workers, `Launch` says which, `Worker.ask` asks. What a worker runs is a module's `TASKS`; those of
ONNX, ONNX Runtime and LiteRT are in `tasks/`.
"""

from dlpuconv.isolation.attendant import Attendant
from dlpuconv.isolation.limits import GIBIBYTE, Limits
from dlpuconv.isolation.pool import pool
from dlpuconv.isolation.process import (
    CrashError,
    ExcessError,
    Launch,
    MissingLibraryError,
    OvertimeError,
    TaskError,
    Worker,
    WorkerError,
)

__all__ = [
    "GIBIBYTE", "Attendant", "CrashError", "ExcessError", "Launch", "Limits", "MissingLibraryError", "OvertimeError",
    "TaskError", "Worker", "WorkerError", "pool",
]  # fmt: skip

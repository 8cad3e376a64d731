"""Runs one ONNX file on what stdin brings, answers to stdout, in a process of its own: see `isolated_runner`."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2]))  # this project, wherever it lies: nothing else is added

import numpy as np

from dlpuconv.errors import ArtifactError
from dlpuconv.formats.frames import KINDS, Frame, receive, send
from dlpuconv.formats.ort_runner import OrtRunner

_COPIES = 3  # of the weights: the file as it is parsed, as it is held, and as kernels want it
_LARGEST_FEED = 1 << 40  # they are our own
_OUT_OF_MEMORY = ("bad_alloc", "bad allocation", "Failed to allocate memory")


def main(path: Path, memory: int, seconds: int, optimize: str) -> None:
    """Limit this process, load, then answer until nobody asks."""
    import onnxruntime  # noqa: F401 - before the limit, which is for what the model takes

    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what libraries print is no answer
        _limit_memory(memory + _COPIES * path.stat().st_size)
        try:
            _limit_time(seconds)
            runner = OrtRunner(path, optimize=optimize == "optimize")
            send(answers, Frame())
            while asked := receive(sys.stdin.buffer, _LARGEST_FEED):
                _limit_time(seconds)
                if asked.model:
                    runner = OrtRunner(b"".join(part.tobytes() for part in asked.arrays.values()), path.name)
                    send(answers, Frame())
                else:
                    send(answers, Frame(arrays=_numbers(runner.run(asked.arrays))))
        except (ArtifactError, MemoryError) as error:
            excess = isinstance(error, MemoryError) or any(text in str(error) for text in _OUT_OF_MEMORY)
            send(answers, Frame(problem=str(error) or "no memory is left", excess=excess))


def _numbers(found: dict[str, Any]) -> dict[str, Any]:
    for name, value in found.items():
        if not isinstance(value, np.ndarray) or value.dtype.kind not in KINDS:
            raise ArtifactError(f"the output {name!r} does not consist of numbers")
    return found


def _limit_memory(most: int) -> None:
    """Let this process take so many bytes more."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not every system can
        import resource

        taken = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + most, taken + most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time(seconds: int) -> None:
    """Let it compute for so long from now on, even where nobody is left who would end it."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        most = int(used.ru_utime + used.ru_stime) + seconds * (os.cpu_count() or 1) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])

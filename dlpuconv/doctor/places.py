"""Where dlpuconv runs and what it writes to, as the system tells it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from dlpuconv.doctor.findings import Folder, Machine
from dlpuconv.files.keep import default_cache_folder


def machine() -> Machine:
    """The Python interpreter that runs this process."""
    return Machine(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        interpreter=sys.executable,
        processors=len(os.sched_getaffinity(0)),
        memory=_pages("SC_PHYS_PAGES"),
        free_memory=_pages("SC_AVPHYS_PAGES"),
    )


def cache() -> Folder:
    """The folder of calibration statistics, which is made when it is first written to."""
    return _folder(default_cache_folder(), "DLPUCONV_CACHE", counted=True)


def temporary() -> Folder:
    """The system's folder for temporary files."""
    try:
        path = Path(tempfile.gettempdir())
    except FileNotFoundError:  # none of those that there might be can be written
        path = Path(os.environ.get("TMPDIR") or "/tmp")
    return _folder(path, "TMPDIR", counted=False)


def _folder(path: Path, variable: str, *, counted: bool) -> Folder:
    files, size = _content(path) if counted else (0, 0)
    there = next((folder for folder in (path, *path.absolute().parents) if folder.exists()), Path("/"))
    free = 0
    with suppress(OSError):
        free = shutil.disk_usage(there).free
    writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    return Folder(path=str(path), variable=variable, writable=writable, free=free, files=files, size=size)


def _content(folder: Path) -> tuple[int, int]:
    """How many files there are below, and their bytes; what goes meanwhile does not count."""
    files = size = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += Path(path, name).lstat().st_size
                files += 1
    return files, size


def _pages(name: str) -> int:
    with suppress(OSError, ValueError):
        return max(0, os.sysconf(name) * os.sysconf("SC_PAGE_SIZE"))
    return 0

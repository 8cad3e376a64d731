"""Files that are being written: nobody takes them for finished ones, and those of the dead can be told and removed."""

from __future__ import annotations

import fcntl
import math
import os
import re
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.files.locks import is_at, try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_PREFIX, _SUFFIX = "dlpuconv-", ".tmp"
_OURS = re.compile(rf"{_PREFIX}[a-z0-9_]{{8}}{re.escape(_SUFFIX)}")
_PRIVATE = 0o600


@contextmanager
def unfinished(folder: Path, mode: int = _PRIVATE) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file to write, locked as long as its process lives; it is gone afterwards, but for its other names.

    Args:
        folder: it is made there; whoever holds the `with` block gives the finished file its name.
        mode: who may read and write it, as far as the process' umask lets them.

    Raises:
        OSError: it cannot be made.
    """
    descriptor, path = _made(folder, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, path
    finally:
        path.unlink(missing_ok=True)


def _made(folder: Path, mode: int) -> tuple[int, Path]:
    """A new file that is locked; another one where it was taken for a dead one's before it was."""
    while True:
        path = folder / f"{_PREFIX}{os.urandom(4).hex()}{_SUFFIX}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with suppress(OSError):  # without locks nobody takes it for a dead one's
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if is_at(path, descriptor):
            return descriptor, path
        os.close(descriptor)


def sweep(folder: Path, before: float = math.inf) -> None:
    """Remove what was being written when its process died.

    Args:
        folder: of unfinished files.
        before: only what was last written before this time, by the clock of the file system; for a folder that other
            machines write to, whose locks may not be seen here.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _OURS.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_dead(Path(entry.path), before)


def _remove_dead(file: Path, before: float) -> None:
    with suppress(OSError):  # gone meanwhile, or another user's
        held = try_lock(file) if file.lstat().st_mtime < before else None
        if held is not None:
            file.unlink(missing_ok=True)
            os.close(held)

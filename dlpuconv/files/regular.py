"""Opens what others name: regular files only. A pipe or a device is refused, not waited for."""

from __future__ import annotations

import errno
import os
import re
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

_STREAM = re.compile(r"/dev/(stdin|stdout|stderr|fd/\d+)|/proc/([^/]+)/fd/\d+")
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode), "a device"),
)


class NotRegularError(OSError):
    """There is something else than a regular file; `strerror` says what, to follow `cannot be read: `."""

    def __init__(self, path: Path, kind: str) -> None:
        super().__init__(errno.EINVAL, f"it is {kind}, and only regular files are read", str(path))


def open_regular(path: Path) -> BufferedReader:
    """Open a file that a user or another file named, to be read; a link to a file will do.

    Nothing else is opened even where it takes the file's place just then: it is looked at before and after, and opening
    a pipe waits for no writer.

    Raises:
        NotRegularError: it is a pipe, a device, a socket or a folder, or a stream of a process (`/dev/stdin`), which
            may be any of them and can be read once.
        OSError: it cannot be opened.
        ValueError: the path is none.
    """
    if _STREAM.fullmatch(os.path.abspath(path)):  # noqa: PTH100 - a Path would follow the link, which leads anywhere
        raise NotRegularError(path, "a stream")
    _demand_regular(path, os.stat(path).st_mode)  # noqa: PTH116 - beside fstat
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _demand_regular(path, os.fstat(descriptor).st_mode)
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path) -> bytes:
    """All that is in such a file.

    Raises:
        OSError: as `open_regular`, or it cannot be read.
        ValueError: the path is none.
    """
    with open_regular(path) as stream:
        return stream.read()


def check_regular(path: Path) -> None:
    """Before a library that opens files by itself.

    Raises:
        OSError: as `open_regular`.
        ValueError: the path is none.
    """
    open_regular(path).close()


def _demand_regular(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    raise NotRegularError(path, next((kind for is_one, kind in _KINDS if is_one(mode)), "no file"))

"""Locks on files and folders, which the kernel releases when their holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def try_lock(path: Path) -> int | None:
    """Lock a file or folder for as long as the descriptor is open, here or in a forked child.

    Args:
        path: of a plain file or folder that exists; a symbolic link is not followed.

    Returns:
        The descriptor, or None while another one holds the lock.

    Raises:
        OSError: it cannot be opened, or its file system has no such locks.
    """
    held = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return None
    except BaseException:
        os.close(held)
        raise
    return held


def is_at(path: Path, descriptor: int) -> bool:
    """Whether a path still names the file that is open: whoever had the lock may have removed it meanwhile.

    Raises:
        OSError: nobody can tell.
    """
    try:
        there, held = path.lstat(), os.fstat(descriptor)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)

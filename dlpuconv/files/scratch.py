"""Temporary folders: all of a process are below one that it holds locked, so that those of the dead can be told.

A process that is killed removes nothing. Its lock is gone with it, whatever its number was and whoever has that now: a
folder that can be locked has no owner any more.

An interruption may come between any two steps, also while Python looks for the system's temporary folder, which it does
with a file of its own in each candidate. So folders are made where none comes (`uninterrupted`), the folder of a
process is known here as soon as it exists, and what was left in it goes when the process ends.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from dlpuconv.files.locks import try_lock
from dlpuconv.files.uninterrupted import settle, uninterrupted

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "dlpuconv-run-"
_OURS = re.compile(rf"{_PREFIX}[a-z0-9_]{{8}}")

_ATTEMPTS = 10

_guard = RLock()  # a finalizer of the same thread may come in between
_roots: dict[tuple[int, Path], int | None] = {}
"""The descriptor that locks each process's folder, by process and folder; None where there are no locks."""


def make_folder(kind: str) -> Path:
    """A new private folder in the system's temporary folder; `remove_folder` ends it.

    Args:
        kind: what its name begins with.

    Raises:
        OSError: there is no place for it.
    """
    return uninterrupted(lambda: _made(kind))


def _made(kind: str) -> Path:
    with _guard:  # by the thread that makes it: a finalizer that comes in between there takes it again
        for _ in range(_ATTEMPTS):
            with suppress(FileNotFoundError):  # the root went meanwhile: with its last folder, or with somebody's sweep
                return Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=_root()))
        return Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=_root()))


def remove_folder(folder: Path) -> None:
    """Remove a folder of `make_folder`, and the process's own with its last one; it may be gone already.

    In a forked child nothing happens: the folder is the parent's.
    """
    key = (os.getpid(), folder.parent)
    with _guard, suppress(OSError):  # not empty: others are in use
        if key in _roots:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(FileNotFoundError):
                folder.parent.rmdir()
            _forget(key)


def remove_all() -> None:
    """Remove all that this process has made; what is in use is not spared."""
    settle()
    with _guard:
        for key in _own():
            shutil.rmtree(key[1], ignore_errors=True)
            _forget(key)


atexit.register(remove_all)


def _begin_anew() -> None:
    """In a forked child: whoever held the guard is not there."""
    global _guard
    _guard = RLock()


os.register_at_fork(after_in_child=_begin_anew)


@contextmanager
def temporary_folder(kind: str) -> Iterator[Path]:
    """`make_folder` for the time of a context."""
    folder = make_folder(kind)
    try:
        yield folder
    finally:
        remove_folder(folder)


def sweep() -> None:
    """Remove what processes of this user that are dead have left in the system's temporary folder."""
    with suppress(OSError), os.scandir(uninterrupted(tempfile.gettempdir)) as entries:
        for entry in entries:
            if _OURS.fullmatch(entry.name) and is_own_folder(entry):
                _remove_dead(Path(entry.path))


def is_own_folder(entry: os.DirEntry[str]) -> bool:
    """True for a folder of this user; not for a link to one."""
    try:
        return entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.geteuid()
    except OSError:
        return False


def _remove_dead(folder: Path) -> None:
    with suppress(OSError):  # gone meanwhile, or without locks: then it might be in use
        held = try_lock(folder)
        if held is not None:
            try:
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(held)


def _own() -> list[tuple[int, Path]]:
    return [key for key in list(_roots) if key[0] == os.getpid()]


def _root() -> Path:
    """The folder of this process, made where there is none yet."""
    place = Path(tempfile.gettempdir())
    for key in _own():
        if not key[1].exists():
            _forget(key)  # some cleaner of the system's temporary folder was here
        elif key[1].parent == place:
            return key[1]
    return _new_root(place)


def _new_root(place: Path) -> Path:
    process, folder = os.getpid(), Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    try:
        held = try_lock(folder)
    except FileNotFoundError:
        raise
    except OSError:
        _roots[process, folder] = None
        return folder
    if held is None or not folder.exists():  # a sweep took it for dead before it was locked
        if held is not None:
            os.close(held)
        raise FileNotFoundError(folder)
    _roots[process, folder] = held
    return folder


def _forget(key: tuple[int, Path]) -> None:
    held = _roots.pop(key, None)
    if held is not None:
        os.close(held)

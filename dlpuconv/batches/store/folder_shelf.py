"""A store's files in a folder of this machine, or of one that several machines mount."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.files.content import pieces_of
from dlpuconv.files.locks import is_at
from dlpuconv.files.regular import open_regular
from dlpuconv.files.unfinished import sweep, unfinished
from dlpuconv.formats.safe_folder import MissingFileError, SafeFolder, UnusableFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from dlpuconv.files.content import Content

_UNFINISHED = "unfinished"
_ANYBODY = 0o666  # as far as the umask lets them: a team shares the folder
_CHUNK = 1 << 20
_A_DAY = 86400.0
"""Seconds after which an unfinished file that nobody here holds is a dead worker's: not all file systems tell other
machines of locks."""


@dataclass(frozen=True, slots=True)
class FolderShelf:
    """See `Shelf`. A file gets its name when it is whole and on the disk; links that lead out are not followed.

    Attributes:
        root: made with the first file.
    """

    root: Path

    def put(self, name: str, content: Content) -> bool:
        """See `Shelf.put`."""
        if self.size(name) is not None:
            return False
        with self._written(content) as (path, place):
            self._parent(name)
            try:
                os.link(path, place / name)
            except FileExistsError:
                return False
        return True

    def replace(self, name: str, content: bytes) -> None:
        """See `Shelf.replace`."""
        with self._written(content) as (path, place):
            self._parent(name)
            path.replace(place / name)

    def remove(self, name: str) -> None:
        """See `Shelf.remove`."""
        (self.root / name).unlink(missing_ok=True)

    def names(self, folder: str) -> list[str]:
        """See `Shelf.names`."""
        try:
            return os.listdir(self.root / folder)  # noqa: PTH208 - ten thousand names, not paths
        except FileNotFoundError:
            return []

    def size(self, name: str) -> int | None:
        """See `Shelf.size`."""
        try:
            return (self.root / name).lstat().st_size
        except FileNotFoundError:
            return None

    def read(self, name: str, most: int) -> bytes | None:
        """See `Shelf.read`."""
        return self.read_all([name], most).get(name)

    def read_all(self, names: Collection[str], most: int) -> Mapping[str, bytes]:
        """See `Shelf.read_all`."""
        folder = SafeFolder(self.root)
        contents = {name: self._content(folder, name, most) for name in names}
        return {name: content for name, content in contents.items() if content is not None}

    def _content(self, folder: SafeFolder, name: str, most: int) -> bytes | None:
        try:
            return folder.read(name, most)
        except UnusableFileError as error:
            if isinstance(error, MissingFileError) and self.size(name) is None:  # no link that leads nowhere
                return None
            raise _unusable(name, str(error)) from error

    def pieces(self, name: str) -> Iterator[bytes]:
        """See `Shelf.pieces`."""
        try:
            path = SafeFolder(self.root).find(name)
        except MissingFileError:
            raise FileNotFoundError(errno.ENOENT, "is not there", name) from None
        except UnusableFileError as error:
            raise _unusable(name, str(error)) from error
        with open_regular(path) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk

    @contextmanager
    def lease(self, name: str, arrived: Callable[[], bool]) -> Iterator[None]:  # noqa: ARG002 - the kernel wakes us
        """See `Shelf.lease`: the kernel's lock on a file, which ends with whoever holds it, however that ends."""
        path = self._parent(f"leases/{name}")
        while True:
            held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _ANYBODY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX)
                if is_at(path, held):  # else whoever held it has removed it: another one may have made it anew
                    try:
                        yield
                    finally:
                        with suppress(OSError):  # it is free all the same
                            path.unlink()
                    return
            finally:
                os.close(held)

    @contextmanager
    def _written(self, content: Content) -> Iterator[tuple[Path, Path]]:
        """A file with this content and no name of its own yet, safe from a loss of power."""
        place = self._parent(f"{_UNFINISHED}/")
        with unfinished(place, _ANYBODY) as (file, path):
            sweep(place, before=os.fstat(file.fileno()).st_mtime - _A_DAY)
            file.writelines(pieces_of(content))
            file.flush()
            os.fsync(file.fileno())
            yield path, self.root

    def _parent(self, name: str) -> Path:
        path = self.root / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        return path


def _unusable(name: str, why: str) -> OSError:
    return OSError(errno.EINVAL, f"{name} {why}")

"""What is kept of work that others may need again: bytes by key, of which any may be lost, and none may lie."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dlpuconv.files.regular import read_regular
from dlpuconv.files.unfinished import sweep, unfinished

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_BYTES = 256 << 20
"""When the entries of a folder together are larger than this, the oldest go."""

_VARIABLE = "DLPUCONV_CACHE"
_SEAL = b"dlpuconv-kept-1\n"
_SUFFIX = ".kept"


class Keep(Protocol):
    """Keeps what was made: a folder of the user's between conversions, the store of a batch between its jobs.

    A conversion is given one as `Request.cache`, and hands it on to the backend as `Job.cache`. The store of a batch is
    one: its jobs, on whatever machines, make what they share once.
    """

    def once(self, key: str, make: Callable[[], bytes], /) -> bytes:
        """What `make` gives for this key, made now or at another time; nothing that was damaged meanwhile.

        Args:
            key: says all that decides the bytes.
            make: makes them; an exception is the caller's, and the next one tries again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Nothing:
    """Keeps nothing."""

    def once(self, key: str, make: Callable[[], bytes], /) -> bytes:  # noqa: ARG002 - the protocol's
        """What `make` gives."""
        return make()


NOTHING = Nothing()


@dataclass(frozen=True, slots=True)
class KeptFolder:
    """Keeps entries in a folder, one file each.

    Two processes may share it: entries are written under another name and renamed, and what two make at once is made
    twice. An entry that is damaged, or another key's, counts as absent. A folder that cannot be written is no error.

    Attributes:
        folder: made with the first entry.
        most_bytes: bound of all entries together; one that is larger is not kept.
    """

    folder: Path
    most_bytes: int = MOST_BYTES

    def once(self, key: str, make: Callable[[], bytes], /) -> bytes:
        """See `Keep.once`."""
        found = self._get(key)
        if found is None:
            found = make()
            with suppress(OSError):  # read-only home, full disk: the next run makes it again
                self._put(key, found)
        return found

    def sweep(self) -> None:
        """Remove what was being written when its process died."""
        sweep(self.folder)

    def _get(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            found = unsealed(key, read_regular(path))
        except (OSError, MemoryError):
            return None
        with suppress(OSError):  # somebody else's file, or a cache that may only be read
            os.utime(path)  # the oldest entry is the one that was not used for longest
        return found

    def _put(self, key: str, content: bytes) -> None:
        if len(content) > self.most_bytes:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with unfinished(self.folder) as (file, path):
            file.write(sealed(key, content))
            file.close()
            path.replace(self._path(key))
        self._shrink()

    def _path(self, key: str) -> Path:
        return self.folder / f"{digest_of(key)}{_SUFFIX}"

    def _shrink(self) -> None:
        entries = []
        for path in self.folder.glob(f"*{_SUFFIX}"):
            with suppress(FileNotFoundError):  # another process was faster
                status = path.stat()
                entries.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= self.most_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size


def default_cache_folder() -> Path:
    """`$DLPUCONV_CACHE` where it is set, else `dlpuconv` in the user's cache folder as the system defines it."""
    chosen = os.environ.get(_VARIABLE)
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("dlpuconv", appauthor=False)


def digest_of(key: str) -> str:
    """A key as the name of a file, hex."""
    return hashlib.sha256(key.encode()).hexdigest()


def sealed(key: str, content: bytes) -> bytes:
    """Content with what tells whether it is whole, and this key's."""
    return b"".join((_SEAL, _seal_of(key, content), content))


def unsealed(key: str, stored: bytes) -> bytes | None:
    """The content; None where it is damaged or another key's."""
    start = len(_SEAL) + hashlib.sha256().digest_size
    content = stored[start:]
    return content if stored[:start] == _SEAL + _seal_of(key, content) else None


def _seal_of(key: str, content: bytes) -> bytes:
    seal = hashlib.sha256(digest_of(key).encode())
    seal.update(content)
    return seal.digest()

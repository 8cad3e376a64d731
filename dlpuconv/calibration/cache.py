"""Statistics by content hash, in the user's cache folder: a cache may lose anything and must never lie."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.files.locks import try_lock
from dlpuconv.files.regular import open_regular

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

MOST_BYTES = 256 << 20
"""When the entries together are larger than this, the oldest go."""

_VARIABLE = "DLPUCONV_CACHE"
_PREFIX, _SUFFIX = "dlpuconv-", ".tmp"
_UNFINISHED = re.compile(rf"{_PREFIX}[a-z0-9_]{{8}}{re.escape(_SUFFIX)}")
_FORMAT = "dlpuconv-statistics-1"


def default_cache_folder() -> Path:
    """`$DLPUCONV_CACHE` where it is set, else `dlpuconv` in the user's cache folder as the system defines it."""
    chosen = os.environ.get(_VARIABLE)
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("dlpuconv", appauthor=False)


class StatisticsCache:
    """Arrays by key, one `.npz` an entry.

    Entries are written under a temporary name and renamed, so that two conversions may share a folder. An entry that
    is damaged, or was made for another key, counts as absent. A folder that cannot be written is no error.

    Args:
        folder: made on the first `put`; None for a cache that keeps nothing.
        most_bytes: bound of all entries together.
    """

    def __init__(self, folder: Path | None, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes

    def get(self, key: str) -> dict[str, npt.NDArray[np.generic]] | None:
        """The arrays that were put under `key`, or None."""
        import struct
        import tokenize
        import zipfile
        import zlib

        import numpy as np

        if self._folder is None:
            return None
        path = self._path(key)
        damaged = (OSError, EOFError, LookupError, ValueError, TypeError, SyntaxError, MemoryError, RuntimeError)
        from_inside = (ArithmeticError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error)
        try:
            with open_regular(path) as file, np.load(file, allow_pickle=False) as entry:
                if entry["key"].tobytes() != _signed(key):
                    return None
                arrays = {name.removeprefix("array."): entry[name] for name in entry.files if name != "key"}
            os.utime(path)  # the oldest entry is the one that was not used for longest
        except (*damaged, *from_inside):
            return None
        return arrays

    def put(self, key: str, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Keep arrays under `key`, replacing what is there.

        Raises:
            ValueError: an array holds Python objects.
        """
        import numpy as np

        if self._folder is None:
            return
        if any(array.dtype.hasobject for array in arrays.values()):
            raise ValueError(f"statistics for {key!r} hold Python objects")
        signed = np.frombuffer(_signed(key), np.uint8)
        stored = {f"array.{name}": array for name, array in arrays.items()}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=_PREFIX, suffix=_SUFFIX, delete=False) as file:
                with suppress(OSError):  # without locks nobody takes it for a dead one's either
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                try:
                    np.savez(file, allow_pickle=False, key=signed, **stored)
                    file.close()
                    Path(file.name).replace(self._path(key))
                except BaseException:
                    Path(file.name).unlink(missing_ok=True)
                    raise
            self._shrink()
        except OSError:
            return  # read-only home, full disk: the next run measures again

    def sweep(self) -> None:
        """Remove what was being written when its process died."""
        if self._folder is None:
            return
        with suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                if _UNFINISHED.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    _remove_dead(Path(entry.path))

    def _path(self, key: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{hashlib.sha256(_signed(key)).hexdigest()}.npz"

    def _shrink(self) -> None:
        assert self._folder is not None
        entries = []
        for path in self._folder.glob("*.npz"):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # another process was faster
            entries.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= self._most_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size


def _remove_dead(file: Path) -> None:
    with suppress(OSError):  # gone meanwhile, or another user's
        held = try_lock(file)
        if held is not None:
            file.unlink(missing_ok=True)
            os.close(held)


def _signed(key: str) -> bytes:
    return f"{_FORMAT}\n{key}".encode()

"""Where large weights wait: a private file, mapped, so that memory holds no more of them than is being read.

Pages of a mapped file cost nothing but the time to read them again: the system takes them back when it wants to, and
`rest` hands them back at once. The file is ours alone and has no name: nobody can cut it short while it is mapped,
which would end the process, and no crash leaves it behind.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import tempfile
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.errors import OutputError
from dlpuconv.isolation.messages import MappedFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import BinaryIO

    import numpy.typing as npt

    type Array = npt.NDArray[Any]

_ALIGNMENT = 64  # bytes: of a processor's cache line, and more than any vector instruction asks for
_CHUNK = 16 << 20

_maps: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
_guard = threading.Lock()


def keep(arrays: Iterable[tuple[str, Array]]) -> dict[str, Array]:
    """Write arrays into a file of their own, one after the other, and map it.

    Args:
        arrays: with names; each is asked for when the one before it is written.

    Returns:
        The same by name, read-only; the file is there as long as one of them is.

    Raises:
        OutputError: the folder for temporary files has no room.
    """
    places: dict[str, tuple[int, np.dtype[Any], tuple[int, ...]]] = {}
    try:
        with tempfile.TemporaryFile(prefix="dlpuconv-") as file:
            for name, values in arrays:
                places[name] = _append(file, values), values.dtype, values.shape
            if not places:
                return {}
            file.flush()
            mapped = MappedFile(_reopened(file), file.tell())
    except OSError as error:
        raise no_room(error) from error
    watch(mapped)
    return {
        name: np.frombuffer(mapped, dtype, int(np.prod(shape, dtype=np.int64)), offset).reshape(shape)
        for name, (offset, dtype, shape) in places.items()
    }


def write(path: Path, arrays: Iterable[tuple[str, Array]]) -> dict[str, int]:
    """Write arrays into a file, one after the other.

    Args:
        path: of the file.
        arrays: with names.

    Returns:
        The byte that each begins at.

    Raises:
        OutputError: there is no room for it.
    """
    try:
        with path.open("wb") as file:
            return {name: _append(file, values) for name, values in arrays}
    except OSError as error:
        raise no_room(error) from error


def no_room(error: OSError) -> OutputError:
    """What to say where the folder for temporary files takes no more."""
    return OutputError(
        f"the weights cannot be kept in {tempfile.gettempdir()}: {error.strerror or error}"
        " (set TMPDIR to use another folder)",
        id="temporary-folder-unusable",
    )


def watch(mapped: mmap.mmap) -> None:
    """Let another mapped file of ours rest with those of the weights."""
    with _guard:
        _maps.add(mapped)


def rest() -> None:
    """Hand back the memory that kept arrays have come to take; they are read again where they are needed again."""
    if hasattr(mmap, "MADV_DONTNEED"):
        with _guard:
            known = list(_maps)
        for mapped in known:
            mapped.madvise(mmap.MADV_DONTNEED)


def _reopened(file: BinaryIO) -> int:
    """A descriptor for reading alone, where the system can give one: a worker gets it too."""
    try:
        return os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return os.dup(file.fileno())


def trim() -> None:
    """Do what `rest` does, and return freed memory to the system: glibc may keep as much as all weights twice."""
    rest()
    if sys.platform == "linux":
        give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; musl gives back by itself
        if give_back is not None:
            give_back(0)


def _append(file: BinaryIO, values: Array) -> int:
    """Write an array, row by row as numpy holds it; the result is where it begins."""
    start = -(-file.tell() // _ALIGNMENT) * _ALIGNMENT
    file.write(b"\0" * (start - file.tell()))
    content = memoryview(np.ascontiguousarray(values).reshape(-1).view(np.uint8))
    for begin in range(0, len(content), _CHUNK):
        file.write(content[begin : begin + _CHUNK])
    if len(content) >= _CHUNK:
        rest()
    return start

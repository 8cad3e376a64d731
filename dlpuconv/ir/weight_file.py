"""Where large weights wait: a private file, mapped, so that memory holds no more of them than is being read.

Pages of a mapped file cost nothing but the time to read them again: the system takes them back when it wants to, and
`rest` hands them back at once. The file is ours alone and has no name: nobody can cut it short while it is mapped,
which would end the process, and no crash leaves it behind.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import sys
import tempfile
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dlpuconv.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import BinaryIO

    import numpy.typing as npt

    type Array = npt.NDArray[Any]

_ALIGNMENT = 64  # bytes: of a processor's cache line, and more than any vector instruction asks for
_CHUNK = 16 << 20


class Place(NamedTuple):
    """Where an array is in a file, and what it is."""

    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


_maps: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


def keep(arrays: Iterable[tuple[str, Array]]) -> dict[str, Array]:
    """Write arrays into a file of their own, one after the other, and map it.

    Args:
        arrays: with names; each is asked for when the one before it is written.

    Returns:
        The same by name, read-only; the file is there as long as one of them is.

    Raises:
        OutputError: the folder for temporary files has no room.
    """
    try:
        with tempfile.TemporaryFile(prefix="dlpuconv-") as file:
            places = write(file, arrays)
            if not places:
                return {}
            file.flush()
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise no_room(error) from error
    return _arrays(mapped, places)


def no_room(error: OSError) -> OutputError:
    """What to say where the folder for temporary files takes no more."""
    return OutputError(
        f"the weights cannot be kept in {tempfile.gettempdir()}: {error.strerror or error} (TMPDIR names another place)"
    )


def write(file: BinaryIO, arrays: Iterable[tuple[str, Array]]) -> dict[str, Place]:
    """Write arrays one after the other, and say where they are.

    Args:
        file: an empty one.
        arrays: with names.

    Raises:
        OSError: it has no room.
    """
    return {name: Place(_append(file, values), values.dtype, values.shape) for name, values in arrays}


def adopt(path: Path, places: Mapping[str, Place]) -> dict[str, Array]:
    """Arrays that another program of ours wrote into a private file, which is only read from now on.

    Args:
        path: of the file; it may be deleted afterwards.
        places: of the arrays by name.

    Raises:
        OSError: it cannot be mapped.
        ValueError: it does not hold so much.
    """
    if not places:
        return {}
    with path.open("rb") as file:
        return _arrays(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), places)


def _arrays(mapped: mmap.mmap, places: Mapping[str, Place]) -> dict[str, Array]:
    watch(mapped)
    return {
        name: np.frombuffer(mapped, dtype, math.prod(shape), offset).reshape(shape)
        for name, (offset, dtype, shape) in places.items()
    }


def is_kept(values: Array) -> bool:
    """Whether an array is in such a file."""
    base: Any = values
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap)


def watch(mapped: mmap.mmap) -> None:
    """Let another mapped file of ours rest with those of the weights."""
    _maps.add(mapped)


def rest() -> None:
    """Hand back the memory that kept arrays have come to take; they are read again where they are needed again."""
    if hasattr(mmap, "MADV_DONTNEED"):
        for mapped in list(_maps):
            mapped.madvise(mmap.MADV_DONTNEED)


def trim() -> None:
    """The same, and hand back what was freed: glibc keeps it, which after a stage may be all weights twice."""
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

"""Arrays in Fortran order, whose samples lie scattered over the whole file, gathered in one pass over it."""

from __future__ import annotations

import tempfile
from typing import IO, TYPE_CHECKING

import numpy as np

from dlpuconv.calibration.spool import IN_MEMORY, told_if_full
from dlpuconv.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dlpuconv.calibration.matching import Array
    from dlpuconv.calibration.npy import Header

_BLOCK = 16 << 20
"""Bytes that are read at a time."""


def turned(file: IO[bytes], header: Header, count: int, wanted: Sequence[int], origin: str) -> Iterator[Array]:
    """Samples of an array in Fortran order.

    Such a file holds, for each position in the rest of the axes, one value for every entry of the first axis. Blocks of
    it are spread over a temporary file that holds one sample after the other.

    Args:
        file: behind the header.
        header: of the array.
        count: samples in it; one takes as many entries of the first axis as go into it.
        wanted: numbers of the samples, rising.
        origin: what it is called in messages.

    Yields:
        One sample of each number, with all axes that it has in the file.

    Raises:
        CalibrationError: the file is truncated, the temporary folder is full, or it holds too many samples.
    """
    first, *rest = header.shape
    entries, line = first // count, first * header.dtype.itemsize
    if line > _BLOCK:
        raise CalibrationError(
            f"{origin} holds {count} samples in Fortran order, too many to sort: save numpy.ascontiguousarray of it",
            id="calibration-fortran-order",
        )
    size = header.nbytes // count
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as store:
        for at in range(0, header.nbytes, step := _BLOCK // line * line):
            block = _block(file, min(step, header.nbytes - at), origin).view(header.dtype)
            lines = block.reshape(-1, count, entries)
            with told_if_full():
                for place, number in enumerate(wanted):
                    store.seek(place * size + at // count)
                    store.write(lines[:, number].tobytes())
        store.seek(0)
        for _ in wanted:
            yield np.frombuffer(store.read(size), header.dtype).reshape(entries, *rest, order="F")


def _block(file: IO[bytes], size: int, origin: str) -> Array:
    content = file.read(size)
    if len(content) != size:
        raise CalibrationError(f"{origin} is truncated", id="calibration-file-damaged")
    return np.frombuffer(content, np.uint8)

"""Where samples wait between the passes over them: in memory while they are few, else in a file that has no name."""

from __future__ import annotations

import hashlib
import math
import shutil
import tempfile
import threading
import weakref
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

type Record = Mapping[str, npt.NDArray[np.generic]]
"""What is stored of one sample: arrays by name."""

IN_MEMORY = 32 << 20
"""Bytes of samples that are kept in memory; more wait in the temporary folder."""


@dataclass(frozen=True, slots=True)
class Field:
    """One array of every record."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    @property
    def count(self) -> int:
        """Elements of one array."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of one array."""
        return self.count * self.dtype.itemsize


_FULL = (
    "the calibration samples do not fit into the temporary folder ({}): "
    "free some space, set TMPDIR to another folder, or give fewer samples"
)


@contextmanager
def told_if_full() -> Iterator[None]:
    """Around what writes samples into the temporary folder.

    Raises:
        CalibrationError: they do not fit.
    """
    try:
        yield
    except OSError as error:
        raise CalibrationError(_FULL.format(error.strerror), id="calibration-disk-full") from error


class Spool:
    """Records of one form, appended once, read in any order and as often as wanted.

    The file is anonymous (`tempfile.TemporaryFile`): no crash and no Ctrl-C can leave it behind.
    """

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = fields
        self.digests: list[bytes] = []
        self._size = sum(field.nbytes for field in fields)
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - lives as long as the spool
        self._lock = threading.Lock()  # readers share the position in the file
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        """How many records there are."""
        return len(self.digests)

    def demand_room(self, count: int) -> None:
        """Check that this many records can be stored, before the first is made.

        Raises:
            CalibrationError: the temporary folder has not so much space.
        """
        needed = count * self._size
        if needed > IN_MEMORY and needed > shutil.disk_usage(tempfile.gettempdir()).free:
            raise CalibrationError(_FULL.format(f"{needed / 1e9:.2f} GB"), id="calibration-disk-full")

    def append(self, record: Record) -> bytes:
        """Store a record and return the digest of its content.

        Raises:
            CalibrationError: the temporary folder is full.
        """
        content = b"".join(np.ascontiguousarray(record[field.name], field.dtype).tobytes() for field in self.fields)
        with told_if_full(), self._lock:
            self._file.seek(len(self) * self._size)
            self._file.write(content)
        self.digests.append(hashlib.sha256(content).digest())
        return self.digests[-1]

    def __getitem__(self, index: int) -> dict[str, npt.NDArray[np.generic]]:
        """Record `index`, as fresh arrays that the caller owns."""
        with self._lock:
            self._file.seek(index * self._size)
            content = bytearray(self._file.read(self._size))
        record: dict[str, npt.NDArray[np.generic]] = {}
        start = 0
        for field in self.fields:
            record[field.name] = np.frombuffer(content, field.dtype, field.count, start).reshape(field.shape)
            start += field.nbytes
        return record

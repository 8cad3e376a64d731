"""Where samples wait between the passes over them: in memory while they are few, else in a file that has no name."""

from __future__ import annotations

import hashlib
import tempfile
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

type Record = Mapping[str, npt.NDArray[np.generic]]
"""What is stored of one sample: arrays by name."""

_IN_MEMORY = 32 << 20


@dataclass(frozen=True, slots=True)
class Field:
    """One array of every record."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    @property
    def nbytes(self) -> int:
        """Bytes of one array."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


class Spool:
    """Records of one form, appended once, read in any order and as often as wanted.

    The file is anonymous (`tempfile.TemporaryFile`): no crash and no Ctrl-C can leave it behind.
    """

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = fields
        self.digests: list[bytes] = []
        self._size = sum(field.nbytes for field in fields)
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - lives as long as the spool
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        """How many records there are."""
        return len(self.digests)

    def append(self, record: Record) -> bytes:
        """Store a record and return the digest of its content.

        Raises:
            CalibrationError: the temporary folder is full.
        """
        digest = hashlib.sha256()
        try:
            self._file.seek(len(self) * self._size)
            for field in self.fields:
                content = np.ascontiguousarray(record[field.name], field.dtype).tobytes()
                digest.update(content)
                self._file.write(content)
        except OSError as error:
            raise CalibrationError(
                f"the calibration samples do not fit into the temporary folder ({error.strerror}): "
                "free some space, set TMPDIR to another folder, or give fewer samples"
            ) from error
        self.digests.append(digest.digest())
        return self.digests[-1]

    def __getitem__(self, index: int) -> dict[str, npt.NDArray[np.generic]]:
        """Record `index`, as fresh arrays that the caller owns."""
        self._file.seek(index * self._size)
        record: dict[str, npt.NDArray[np.generic]] = {}
        for field in self.fields:
            content = bytearray(self._file.read(field.nbytes))
            record[field.name] = np.frombuffer(content, field.dtype).reshape(field.shape)
        return record

"""What an `.npy` says of itself, read within bounds: its length is a claim like any other."""

from __future__ import annotations

import io
import math
import struct
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np

from dlpuconv.calibration.matching import check_dtype
from dlpuconv.errors import CalibrationError

if TYPE_CHECKING:
    from typing import Self

_MOST_BYTES = 10_000
"""numpy reads no longer header; one of real numbers has 128 bytes."""

_LENGTH = {(1, 0): "<H", (2, 0): "<I"}
"""How a version of the format writes the length of its header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What comes before the values.

    Attributes:
        shape: of the array.
        fortran: the first axis varies fastest.
        dtype: of real numbers.
        size: bytes of the header itself.
    """

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[np.generic]
    size: int

    @property
    def nbytes(self) -> int:
        """Bytes that the values take."""
        return math.prod(self.shape) * self.dtype.itemsize

    @classmethod
    def read(cls, file: IO[bytes], origin: str) -> Self:
        """Read the header of a file that is at its beginning, and nothing behind it.

        Raises:
            CalibrationError: it holds no real numbers, or is damaged.
            ValueError: it is no such file; numpy raises more on damaged ones.
        """
        start = file.read(8)
        version = np.lib.format.read_magic(io.BytesIO(start))  # type: ignore[no-untyped-call] # numpy has no types here
        if version not in _LENGTH:  # version 3 exists for field names beyond latin-1 only
            raise CalibrationError(
                f"{origin} holds records with named fields: only arrays of real numbers are accepted",
                id="calibration-not-numbers",
            )
        length = file.read(struct.calcsize(_LENGTH[version]))
        (claimed,) = struct.unpack(_LENGTH[version], length)
        if claimed > _MOST_BYTES:
            raise CalibrationError(
                f"{origin} claims a header of {claimed} bytes: it is damaged", id="calibration-file-damaged"
            )
        rest = io.BytesIO(length + file.read(claimed))
        parse = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = parse(rest)  # type: ignore[no-untyped-call] # numpy has no types here
        if min(shape, default=0) < 0:
            raise CalibrationError(
                f"{origin} claims the shape {list(shape)}: it is damaged", id="calibration-file-damaged"
            )
        check_dtype(dtype, origin)
        return cls(shape=shape, fortran=fortran, dtype=dtype, size=len(start) + len(rest.getvalue()))

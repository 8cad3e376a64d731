"""The arrays of an `.npz`, once what its table of contents claims has been checked: before anything is unpacked."""

from __future__ import annotations

import zipfile
from itertools import pairwise
from typing import IO, TYPE_CHECKING, cast

from dlpuconv.errors import CalibrationError
from dlpuconv.files.regular import open_regular

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

_MOST_BYTES_OF_CONTENTS = 1 << 20
"""Of the table of contents, which is read whole: that of 10,000 arrays."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What numpy writes. Python unpacks other methods without a bound on what comes out at a time."""

_BOMB_BYTES, _BOMB_RATIO = 256 << 20, 100
"""An array that unpacks to more bytes than this, by more than this factor, is no data of a network."""


def open_archive(path: Path, files: ExitStack) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
    """The archive, and its arrays by name.

    Raises:
        CalibrationError: what it says of itself is not what numpy writes.
        BadZipFile: it is no archive; zipfile raises more on damaged ones.
    """
    origin = repr(str(path))
    stream = _Bounded(files.enter_context(open_regular(path)), origin)
    archive = files.enter_context(zipfile.ZipFile(cast("IO[bytes]", stream)))
    stream.open_up()
    entries = archive.infolist()
    _demand_separate(entries, origin)
    arrays: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        if entry.filename.endswith(".npy"):
            name = entry.filename.removesuffix(".npy")
            if name in arrays:
                raise CalibrationError(
                    f"{origin} holds two arrays named {name!r}: it is damaged", id="calibration-file-damaged"
                )
            arrays[name] = entry
    return archive, arrays


def open_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, origin: str) -> IO[bytes]:
    """The unpacked bytes of one array.

    Raises:
        CalibrationError: it is packed in another way than numpy's, or would unpack to far too much.
    """
    if entry.compress_type not in _METHODS:
        raise CalibrationError(
            f"{origin} is not compressed as NumPy does it: save it with numpy.savez", id="calibration-file-compression"
        )
    if entry.file_size > max(_BOMB_BYTES, _BOMB_RATIO * entry.compress_size):
        raise CalibrationError(
            f"{origin} would unpack from {entry.compress_size} bytes to {entry.file_size}, far more than a"
            " network's samples would: if that is right, save it with numpy.savez, which does not compress",
            id="calibration-file-compression",
        )
    return archive.open(entry)


def _demand_separate(entries: list[zipfile.ZipInfo], origin: str) -> None:
    """Refuse entries that share bytes: so a small file unpacks to any size."""
    for one, following in pairwise(sorted(entries, key=lambda entry: entry.header_offset)):
        if one.header_offset + one.compress_size > following.header_offset:
            raise CalibrationError(
                f"{origin} is damaged: {one.filename!r} and {following.filename!r} share bytes of the file",
                id="calibration-file-damaged",
            )


class _Bounded:
    """A file of which zipfile, while it looks for the table of contents, gets no more than a bound at a time."""

    def __init__(self, file: IO[bytes], origin: str) -> None:
        self._file, self._origin = file, origin
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self._is_open = False

    def open_up(self) -> None:
        """End the bound: what is asked for from now on has been checked."""
        self._is_open = True

    def read(self, size: int = -1) -> bytes:
        """What follows; up to the end for a size of -1, which zipfile asks for close to it.

        Raises:
            CalibrationError: it is more than any table of contents has.
        """
        if self._is_open:
            return self._file.read(size)
        if size > _MOST_BYTES_OF_CONTENTS:
            raise CalibrationError(
                f"{self._origin} claims a table of contents of {size} bytes: it is damaged, or holds more arrays than"
                " any network takes",
                id="calibration-file-damaged",
            )
        return self._file.read(_MOST_BYTES_OF_CONTENTS if size < 0 else size)

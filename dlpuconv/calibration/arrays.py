"""Arrays in files and in memory -> samples. Files are read sample by sample, never whole."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, cast, override

import numpy as np

from dlpuconv.calibration.linter import Linter
from dlpuconv.calibration.matching import (
    as_array,
    check_dtype,
    choose,
    fit,
    rows_of,
    same_count,
    shape_of_value,
)
from dlpuconv.calibration.reading import Read, evenly, fill, skipped
from dlpuconv.calibration.stored import ArraySamples
from dlpuconv.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from dlpuconv.calibration.matching import Array
    from dlpuconv.calibration.reading import Request
    from dlpuconv.calibration.spool import Record
    from dlpuconv.ir import ValueSpec

_BROKEN = (
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy and zipfile are known to raise on broken files."""


def read_file(path: Path, request: Request) -> Read:
    """An `.npz` keyed by input name, or an `.npy` for a model of one input; never unpickled.

    Raises:
        CalibrationError: not such a file, or arrays that do not fit the model.
    """
    try:
        with ExitStack() as files:
            streams, notes = _streams(path, request, files)
            return _store(streams, request, notes)
    except _BROKEN as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CalibrationError(f"{str(path)!r} cannot be read as {path.suffix.lower()}: {reason}") from error


def read_arrays(source: Mapping[str, object] | object, request: Request) -> Read:
    """Arrays by input name, or one array for a model of one input.

    Raises:
        CalibrationError: they do not fit the model.
    """
    from collections.abc import Mapping

    origin = "the calibration mapping" if isinstance(source, Mapping) else "the calibration array"
    arrays = source if isinstance(source, Mapping) else {origin: source}
    if not isinstance(source, Mapping):
        _demand_one_input(request, origin)
    chosen = choose(request.signature, arrays, lambda name: shape_of_value(arrays[name]), origin)
    streams: list[_Stream] = [
        _Held(spec, as_array(arrays[chosen.keys[spec.name]], f"{origin}, {chosen.keys[spec.name]!r},"), origin)
        for spec in request.signature.inputs
    ]
    return _store(streams, request, chosen.notes)


def _demand_one_input(request: Request, origin: str) -> None:
    """Refuse one array without a name for a model of several inputs."""
    if len(request.signature.inputs) != 1:
        choose(request.signature, (), lambda _: None, origin)


def _store(streams: list[_Stream], request: Request, notes: tuple[str, ...]) -> Read:
    origin = streams[0].origin
    count = same_count({stream.spec.name: stream.count for stream in streams}, origin)
    if not count:
        raise CalibrationError(f"{origin} holds no samples")
    rows = evenly(count, request.limit)
    linter = Linter(request.signature, request.preprocessing)
    spool = ArraySamples.spool_for(request.signature)
    fill(spool, _records(streams, rows), linter, request, len(rows))
    return Read(samples=ArraySamples(spool), warnings=(*notes, *skipped(count, len(rows)), *linter.warnings()))


def _records(streams: list[_Stream], rows: list[int]) -> Iterator[tuple[str, Record]]:
    for row in rows:
        label = f"sample {row} of {streams[0].origin}"
        yield label, {stream.spec.name: fit(stream.spec, stream.row(row), label) for stream in streams}


class _Stream:
    """The samples of one input, read in rising order."""

    spec: ValueSpec
    origin: str
    count: int

    def row(self, index: int) -> Array:
        raise NotImplementedError


class _Held(_Stream):
    """An array in memory."""

    def __init__(self, spec: ValueSpec, array: Array, origin: str) -> None:
        self.spec, self.origin = spec, origin
        self.count = rows_of(spec, array.shape, origin)
        check_dtype(array.dtype, origin)
        self._rows = array.reshape(self.count, *spec.shape)

    @override
    def row(self, index: int) -> Array:
        return cast("Array", self._rows[index])


class _File(_Stream):
    """An `.npy` stream in C order: one sample in memory at a time, compressed or not."""

    def __init__(self, spec: ValueSpec, file: IO[bytes], header: _Header, origin: str) -> None:
        self.spec, self.origin, self._file = spec, origin, file
        self.count = rows_of(spec, header.shape, origin)
        self._dtype = header.dtype
        self._bytes = int(np.prod(spec.shape, dtype=np.int64)) * header.dtype.itemsize
        self._next = 0

    @override
    def row(self, index: int) -> Array:
        while self._next < index:
            self._read()
        return np.frombuffer(self._read(), self._dtype)

    def _read(self) -> bytes:
        content = self._file.read(self._bytes)
        if len(content) != self._bytes:
            raise CalibrationError(f"{self.origin} ends within sample {self._next} of {self.count}: it is truncated")
        self._next += 1
        return content


class _Header:
    """What an `.npy` says of itself."""

    def __init__(self, file: IO[bytes], origin: str) -> None:
        version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call] # numpy has no types here
        if version == (1, 0):
            self.shape, self.fortran, self.dtype = np.lib.format.read_array_header_1_0(file)  # type: ignore[no-untyped-call] # numpy has no types here
        elif version == (2, 0):
            self.shape, self.fortran, self.dtype = np.lib.format.read_array_header_2_0(file)  # type: ignore[no-untyped-call] # numpy has no types here
        else:  # version 3 exists for field names beyond latin-1 only
            raise CalibrationError(
                f"{origin} holds records with named fields: only arrays of real numbers are accepted"
            )
        if min(self.shape, default=0) < 0:
            raise CalibrationError(f"{origin} claims the shape {list(self.shape)}: it is damaged")
        check_dtype(self.dtype, origin)


def _streams(path: Path, request: Request, files: ExitStack) -> tuple[list[_Stream], tuple[str, ...]]:
    """The arrays of the inputs, and what there is to tell of the choice."""
    origin = repr(str(path))
    if path.suffix.lower() == ".npy":
        _demand_one_input(request, origin)
        return [_open(request.signature.inputs[0], files.enter_context(path.open("rb")), origin)], ()
    archive = files.enter_context(zipfile.ZipFile(path))
    members = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
    _demand_common_packing(archive, members.values(), origin)
    chosen = choose(request.signature, members, lambda name: _shape_in(archive, members[name]), origin)
    opened = {name: files.enter_context(archive.open(members[key])) for name, key in chosen.keys.items()}
    return [
        _open(spec, opened[spec.name], f"{chosen.keys[spec.name]!r} in {origin}") for spec in request.signature.inputs
    ], chosen.notes


def _demand_common_packing(archive: zipfile.ZipFile, members: Iterable[str], origin: str) -> None:
    """Refuse members that NumPy did not write: other methods fail in their own ways, and unpack to far more."""
    for member in members:
        if archive.getinfo(member).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise CalibrationError(
                f"{member!r} in {origin} is not compressed as NumPy does it: save it with numpy.savez"
            )


def _shape_in(archive: zipfile.ZipFile, member: str) -> tuple[int, ...] | None:
    """What an array's header says; None where it holds no numbers."""
    with archive.open(member) as file:
        try:
            return tuple(_Header(file, member).shape)
        except CalibrationError:
            return None


def _open(spec: ValueSpec, file: IO[bytes], origin: str) -> _Stream:
    header = _Header(file, origin)
    if not header.fortran:
        return _File(spec, file, header, origin)
    rows_of(spec, header.shape, origin)
    size = int(np.prod(header.shape, dtype=np.int64)) * header.dtype.itemsize
    content = file.read(size)
    if len(content) != size:
        raise CalibrationError(f"{origin} is truncated: {size} bytes were expected, {len(content)} found")
    return _Held(spec, np.frombuffer(content, header.dtype).reshape(header.shape, order="F"), origin)

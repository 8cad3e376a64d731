"""Arrays in files and in memory -> samples. Files are read sample by sample, never whole."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, override

import numpy as np

from dlpuconv.calibration.intake import Read, evenly, fill, skipped
from dlpuconv.calibration.linter import Linter
from dlpuconv.calibration.matching import as_array, check_dtype, choose, fit, rows_of, same_count, shape_of_value
from dlpuconv.calibration.npy import Header
from dlpuconv.calibration.npz import open_archive, open_array
from dlpuconv.calibration.stored import ArraySamples
from dlpuconv.calibration.turned import turned
from dlpuconv.errors import CalibrationError
from dlpuconv.files.regular import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dlpuconv.calibration.intake import SampleRequest
    from dlpuconv.calibration.matching import Array
    from dlpuconv.calibration.spool import Record
    from dlpuconv.ir import ValueSpec

_BROKEN = (
    ArithmeticError, EOFError, LookupError, MemoryError, OSError, RuntimeError, SyntaxError, TypeError, ValueError,
    struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What numpy and zipfile are known to raise on broken files."""


def read_file(path: Path, request: SampleRequest) -> Read:
    """An `.npz` keyed by input name, or an `.npy` for a model of one input; never unpickled.

    Raises:
        CalibrationError: not such a file, or arrays that do not fit the model.
    """
    try:
        with ExitStack() as files:
            streams, notes = _streams(path, request, files)
            return _store(streams, request, notes)
    except _BROKEN as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
        raise CalibrationError(
            f"{str(path)!r} cannot be read as {path.suffix.lower()}: {reason}", id="calibration-file-unreadable"
        ) from error


def read_arrays(source: Mapping[str, object] | object, request: SampleRequest) -> Read:
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
    streams: list[_Stream] = []
    for spec in request.signature.inputs:
        key = chosen.keys[spec.name]
        called = f"{key!r} in {origin}" if isinstance(source, Mapping) else origin
        streams.append(_Held(spec, as_array(arrays[key], called), called))
    return _store(streams, request, chosen.notes)


def _demand_one_input(request: SampleRequest, origin: str) -> None:
    """Refuse one array without a name for a model of several inputs."""
    names = [spec.name for spec in request.signature.inputs]
    if len(names) != 1:
        raise CalibrationError(
            f"{origin} is one array, but the model takes {len(names)} inputs: give an array by name for each of"
            f" {', '.join(map(repr, names))}",
            id="calibration-inputs-unnamed",
        )


def _store(streams: list[_Stream], request: SampleRequest, notes: tuple[str, ...]) -> Read:
    origin = streams[0].origin
    count = same_count([(stream.spec, stream.count) for stream in streams], origin)
    if not count:
        raise CalibrationError(f"{origin} holds no samples", id="calibration-no-samples")
    rows = evenly(count, request.limit)
    linter = Linter(request.signature, request.preprocessing, calibrates=request.calibrates)
    spool = ArraySamples.spool_for(request.signature)
    fill(spool, _records(streams, rows), linter, request, len(rows))
    return Read(samples=ArraySamples(spool), warnings=(*notes, *skipped(count, len(rows)), *linter.warnings()))


def _records(streams: list[_Stream], rows: list[int]) -> Iterator[tuple[str, Record]]:
    for row, *values in zip(rows, *(stream.rows(rows) for stream in streams), strict=True):
        label = f"sample {row} of {streams[0].origin}"
        yield label, {s.spec.name: fit(s.spec, value, label) for s, value in zip(streams, values, strict=True)}


class _Stream:
    """The samples of one input."""

    spec: ValueSpec
    origin: str
    count: int

    def rows(self, wanted: list[int]) -> Iterator[Array]:
        """The samples of these numbers, which rise."""
        raise NotImplementedError


class _Held(_Stream):
    """An array in memory."""

    def __init__(self, spec: ValueSpec, array: Array, origin: str) -> None:
        self.spec, self.origin = spec, origin
        self.count = rows_of(spec, array.shape, origin)
        check_dtype(array.dtype, origin)
        self._rows = array.reshape(self.count, *spec.shape)

    @override
    def rows(self, wanted: list[int]) -> Iterator[Array]:
        return (self._rows[index] for index in wanted)


class _File(_Stream):
    """An `.npy`, packed or not: one sample of it is in memory at a time.

    Args:
        spec: of the input.
        file: at the beginning of the `.npy`.
        size: bytes that there are to read.
        origin: what it is called in messages.
    """

    def __init__(self, spec: ValueSpec, file: IO[bytes], size: int, origin: str) -> None:
        self.spec, self.origin, self._file = spec, origin, file
        self._header = header = Header.read(file, origin)
        self.count = rows_of(spec, header.shape, origin)
        if header.size + header.nbytes > size:
            raise CalibrationError(
                f"{origin} claims {header.nbytes} bytes of values and holds {max(0, size - header.size)}:"
                " it is truncated or damaged",
                id="calibration-file-damaged",
            )

    @override
    def rows(self, wanted: list[int]) -> Iterator[Array]:
        if self._header.fortran and self.count:
            return turned(self._file, self._header, self.count, wanted, self.origin)
        return self._in_order(wanted)

    def _in_order(self, wanted: list[int]) -> Iterator[Array]:
        size, position = self._header.nbytes // max(1, self.count), 0
        for index in wanted:
            for _ in range(position, index):
                self._read(size)
            yield np.frombuffer(self._read(size), self._header.dtype)
            position = index + 1

    def _read(self, size: int) -> bytes:
        content = self._file.read(size)
        if len(content) != size:
            raise CalibrationError(f"{self.origin} is truncated", id="calibration-file-damaged")
        return content


def _streams(path: Path, request: SampleRequest, files: ExitStack) -> tuple[list[_Stream], tuple[str, ...]]:
    """The arrays of the inputs, and what there is to tell of the choice."""
    origin = repr(str(path))
    if path.suffix.lower() == ".npy":
        _demand_one_input(request, origin)
        whole = files.enter_context(open_regular(path))
        return [_File(request.signature.inputs[0], whole, path.stat().st_size, origin)], ()
    archive, arrays = open_archive(path, files)
    chosen = choose(request.signature, arrays, lambda name: _shape_in(archive, arrays[name]), origin)
    streams: list[_Stream] = []
    for spec in request.signature.inputs:
        entry, called = arrays[chosen.keys[spec.name]], f"{chosen.keys[spec.name]!r} in {origin}"
        file = files.enter_context(open_array(archive, entry, called))
        streams.append(_File(spec, file, entry.file_size, called))
    return streams, chosen.notes


def _shape_in(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[int, ...] | None:
    """What an array's header says; None where it holds no numbers."""
    try:
        with open_array(archive, entry, entry.filename) as file:
            return Header.read(file, entry.filename).shape
    except CalibrationError:
        return None

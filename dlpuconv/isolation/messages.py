"""Messages between this process and a worker: JSON and named arrays on a Unix socket; nothing in them is executed.

Small arrays follow the JSON. Large ones lie in files, mostly in memory, whose descriptors travel with the message; the
other side maps them, so that they are neither copied again nor held twice. A file in memory is sealed against every
change, so that whoever maps it needs to trust nobody; what a worker sends otherwise is copied. Arrays that lie in
`MappedFile`s, such as a model's weights, are handed over without a copy.

Where many messages follow one another, a direction may have one file for all of them (`Outbox`, `Inbox`), for fresh
pages cost more than the copying; arrays in it are only lent, until the next message.

This module is also loaded by interpreters that have no dlpuconv, so it imports only the standard library and NumPy.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import socket
import struct
import sys
import time
import weakref
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_PREFIX = struct.Struct("<QQH")  # bytes of the JSON, bytes of the arrays behind it, number of files
_LONGEST_JSON = 64 << 20
_INLINE = 1 << 16  # bytes of arrays up to which a file costs more than it saves
_MOST_FILES = 64
_ALIGNMENT = 64
_AN_INSTANT = 1e-3  # seconds for what lies ready: 0 would mean something else
_BEHIND = -1  # in the place of a file's number: behind the JSON
_LENT = -2  # likewise: in the outbox
_OUTBOX_ITSELF = 0xFFFF  # in the place of the number of files: a new outbox, and no other
_SHORTEST_OUTBOX = 8 << 20  # bytes; of these, only what was written to takes memory
KINDS = "biuf"
"""Of NumPy's dtypes that are carried: bool, signed, unsigned, float."""

type Array = npt.NDArray[Any]
type _Bytes = bytes | memoryview | mmap.mmap
type _Form = tuple[np.dtype[Any], tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What goes over the socket in one direction at a time.

    Attributes:
        facts: anything that JSON holds.
        arrays: by name: numbers of any shape; what is received cannot be written to. What is sent may also be several
            arrays of one form, which arrive as one.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of the arrays."""
        return sum(sum(part.nbytes for part in _parts(value)) for value in self.arrays.values())


_mapped_files: weakref.WeakValueDictionary[tuple[int, int], MappedFile] = weakref.WeakValueDictionary()
"""Of this process, by what tells files apart: what a worker hands back of them is not copied."""


class MappedFile(mmap.mmap):
    """A file that nobody changes, mapped for reading; its arrays are handed over by its descriptor alone."""

    descriptor: int

    def __new__(cls, descriptor: int, size: int) -> Self:
        """Map a file.

        Args:
            descriptor: of it, best for reading only; closed with this object.
            size: bytes of it, at least one.
        """
        mapped = super().__new__(cls, descriptor, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
        mapped.descriptor = descriptor
        _mapped_files[_identity(os.fstat(descriptor))] = mapped
        return mapped

    def rest(self) -> None:
        """Hand back the memory that has been read into; it is read again where it is needed again."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self.madvise(mmap.MADV_DONTNEED)

    def __del__(self) -> None:
        os.close(self.descriptor)


def share(values: Array) -> Array:
    """The same numbers in a file in memory, which any number of workers map instead of another copy.

    Args:
        values: of `KINDS`; copied once.

    Raises:
        OSError: there is no memory for them.
    """
    if not values.size or not _has_files_in_memory():
        return values
    laid = _laid_out({"": values})
    return _view(MappedFile(_file_of(laid.chunks), laid.size), laid.told[""])


class Outbox:
    """A file in memory for the arrays of all messages in one direction; the other side has the `Inbox`.

    Attributes:
        told: the JSON of what the last message laid there.
    """

    def __init__(self) -> None:
        self.told = "[]"
        self._memory: mmap.mmap | None = None
        self._layout: dict[str, _Form] = {}
        self._slots: list[Array] = []

    def put(self, arrays: Mapping[str, Array | Sequence[Array]]) -> int | None:
        """Write over what the last message held; a descriptor where that takes a new file, for the receiver to map.

        Args:
            arrays: a sequence of arrays of one form is laid there as one array.

        Raises:
            OSError: there is no memory for it.
            ValueError: there are arrays of something else than numbers, or of several forms.
        """
        layout = {name: _form(value) for name, value in arrays.items()}
        same = [*layout.items()] == [*self._layout.items()]  # in the same order as well
        descriptor = None if same else self._lay_out(layout)
        for slot, value in zip(self._slots, arrays.values(), strict=True):
            if isinstance(value, np.ndarray):
                slot[...] = value
            else:
                for index, part in enumerate(value):
                    slot[index] = part
        return descriptor

    def _lay_out(self, layout: Mapping[str, _Form]) -> int | None:
        descriptor, start = None, 0
        told: dict[str, _Told] = {}
        for name, (dtype, shape) in layout.items():
            told[name] = _Told(dtype, shape, _LENT, start)
            start += told[name].size + -told[name].size % _ALIGNMENT
        _refuse_other_than_numbers(told)
        if self._memory is None or len(self._memory) < start:
            descriptor, self._memory = _lasting_file(max(start, _SHORTEST_OUTBOX))
        self._slots = [_view(self._memory, one) for one in told.values()]
        self._layout, self.told = dict(layout), json.dumps([_spelled(name, one) for name, one in told.items()])
        return descriptor


class Inbox:
    """The receiver's side of an `Outbox`: the other side may write to it at any time, but not make it shorter.

    Attributes:
        content: of the outbox; nothing while there is none.
        last: a header and what it meant: where arrays of the same form follow one another, it need not be read again.
    """

    def __init__(self) -> None:
        self.content: mmap.mmap | bytes = b""
        self.last: tuple[bytes, Message] = b"", Message()

    def open(self, descriptor: int, most: int) -> None:
        """Map a new file.

        Raises:
            ValueError: it is too long, or may become shorter.
        """
        size = os.fstat(descriptor).st_size
        if size > max(most, _SHORTEST_OUTBOX) or not _is_sealed(descriptor, _lasting_seals):
            raise ValueError("the file for its arrays may not be used")
        self.content = mmap.mmap(descriptor, size, prot=mmap.PROT_READ, flags=mmap.MAP_SHARED)


def send(sock: socket.socket, message: Message, outbox: Outbox | None = None) -> None:
    """Send one message.

    Args:
        sock: a connected Unix stream socket.
        message: its arrays are of `KINDS`.
        outbox: the arrays are only lent to the receiver, in this; without it they are the receiver's own.

    Raises:
        OSError: nobody reads, or there is no memory for the arrays.
        ValueError: there are arrays of something else than numbers.
    """
    if outbox is not None and _has_files_in_memory():
        _lend(sock, message, outbox)
        return
    arrays = {name: np.asarray(value, order="C") for name, value in message.arrays.items()}
    _refuse_other_than_numbers(arrays)
    shared = {name: memory for name, value in arrays.items() if (memory := file_of(value)) is not None}
    files = list({id(memory): memory for memory in shared.values()}.values())[: _MOST_FILES - 1]
    told: dict[str, _Told] = {}
    for number, memory in enumerate(files):
        start = np.frombuffer(memory, np.uint8).ctypes.data
        for name in (name for name, other in shared.items() if other is memory):
            value = arrays[name]
            told[name] = _Told(value.dtype, value.shape, number, value.ctypes.data - start)
    descriptors = [memory.descriptor for memory in files]
    laid = _laid_out({name: value for name, value in arrays.items() if name not in told})
    own = _file_of(laid.chunks) if laid.size > _INLINE else None
    try:
        where = _BEHIND if own is None else len(descriptors)
        told |= {name: _Told(one.dtype, one.shape, where, one.offset) for name, one in laid.told.items()}
        descriptors += [] if own is None else [own]
        header = json.dumps({"facts": dict(message.facts), "arrays": [_spelled(n, told[n]) for n in arrays]}).encode()
        prefix = _PREFIX.pack(len(header), laid.size if own is None else 0, len(descriptors))
        if descriptors:
            socket.send_fds(sock, [prefix], descriptors)
            prefix = b""
        sock.sendall(b"".join((prefix, header, *(laid.chunks if own is None else ()))))
    finally:
        if own is not None:
            os.close(own)


def packed(message: Message) -> bytes:
    """A message as bytes, which may be kept.

    Raises:
        ValueError: there are arrays of something else than numbers.
    """
    arrays = {name: np.asarray(value, order="C") for name, value in message.arrays.items()}
    _refuse_other_than_numbers(arrays)
    laid = _laid_out(arrays)
    told = [_spelled(name, replace(one, file=_BEHIND)) for name, one in laid.told.items()]
    header = json.dumps({"facts": dict(message.facts), "arrays": told}).encode()
    return b"".join((_PREFIX.pack(len(header), laid.size, 0), header, *laid.chunks))


def unpacked(content: bytes) -> Message:
    """The message in such bytes; its arrays lie in them.

    Raises:
        ValueError: it is not a message of this form.
    """
    if len(content) < _PREFIX.size:
        raise ValueError("it is not a message")
    length, behind, files = _PREFIX.unpack_from(content)
    start = _PREFIX.size + length
    if files or len(content) != start + behind:
        raise ValueError("it is not a whole message")
    return _read(content[_PREFIX.size : start], behind, {_BEHIND: memoryview(content)[start:]})


def _refuse_other_than_numbers(arrays: Mapping[str, Array | _Told]) -> None:
    if strange := [name for name, value in arrays.items() if value.dtype.kind not in KINDS]:
        raise ValueError(f"{strange[0]!r} does not consist of numbers")


def _lend(sock: socket.socket, message: Message, outbox: Outbox) -> None:
    descriptor = outbox.put(message.arrays)
    header = f'{{"facts": {json.dumps(dict(message.facts))}, "arrays": {outbox.told}}}'.encode()
    if descriptor is None:
        sock.sendall(_PREFIX.pack(len(header), 0, 0) + header)
        return
    try:
        socket.send_fds(sock, [_PREFIX.pack(len(header), 0, _OUTBOX_ITSELF)], [descriptor])
        sock.sendall(header)
    finally:
        os.close(descriptor)


def receive(
    sock: socket.socket,
    most: int,
    seconds: float | None = None,
    *,
    trusting: bool = False,
    inbox: Inbox | None = None,
) -> Message | None:
    """Receive one message; None where the other side has gone.

    Args:
        sock: a connected Unix stream socket.
        most: bytes of the arrays together.
        seconds: in which the whole message must come; None: it is waited for.
        trusting: files are mapped even if they could be changed, as a worker maps those of its parent.
        inbox: for arrays that are only lent; without it, they must be given.

    Raises:
        TimeoutError: it did not.
        ValueError: it is not a message of this form, or a larger one.
    """
    descriptors: list[int] = []
    until = math.inf if seconds is None else time.monotonic() + seconds
    try:
        prefix = _exactly(sock, _PREFIX.size, descriptors, until)
        if prefix is None:
            return None
        length, behind, files = _PREFIX.unpack(prefix)
        if length > _LONGEST_JSON or behind > most:
            raise ValueError(f"it is larger than {most} bytes")
        header = _exactly(sock, length, descriptors, until)
        content = None if header is None else _exactly(sock, behind, descriptors, until)
        if header is None or content is None:
            return None
        if inbox is not None and files == _OUTBOX_ITSELF and descriptors:
            inbox.open(descriptors[0], most)
        elif files != len(descriptors) or files > _MOST_FILES:
            raise ValueError("the files that it speaks of are missing")
        elif inbox is not None and not behind and not files and header == inbox.last[0]:
            return inbox.last[1]
        opens = files == _OUTBOX_ITSELF
        contents = {n: _mapped(file, most, trusting) for n, file in enumerate(() if opens else descriptors)}
        message = _read(header, most, {_BEHIND: content, _LENT: inbox.content if inbox else b"", **contents})
        if inbox is not None and not behind and not contents:
            inbox.last = header, message
        return message
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _read(header: bytes, most: int, sources: Mapping[int, _Bytes]) -> Message:
    facts, told = _parsed(header)
    if sum(one.size for one in told.values()) > most:
        raise ValueError(f"its arrays are larger than {most} bytes")
    return Message(facts=facts, arrays={name: _view(sources.get(t.file, b""), t) for name, t in told.items()})


@dataclass(frozen=True, slots=True)
class _Told:
    """What the JSON says of an array, and where its numbers are."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    file: int
    offset: int

    @property
    def size(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class _LaidOut:
    told: Mapping[str, _Told]
    chunks: Sequence[memoryview | bytes]
    size: int


def _form(value: Array | Sequence[Array]) -> _Form:
    parts = _parts(value)
    shape = parts[0].shape
    return parts[0].dtype, shape if isinstance(value, np.ndarray) else (len(parts), *shape)


def _parts(value: Array | Sequence[Array]) -> Sequence[Array]:
    return [value] if isinstance(value, np.ndarray) else value


def _laid_out(arrays: Mapping[str, Array]) -> _LaidOut:
    """Arrays one after the other, each at a boundary."""
    told: dict[str, _Told] = {}
    chunks: list[memoryview | bytes] = []
    start = 0
    for name, given in arrays.items():
        value = np.asarray(given, order="C")
        told[name] = _Told(value.dtype, value.shape, 0, start)
        if value.size:
            padding = -value.nbytes % _ALIGNMENT
            chunks += [value.reshape(-1).view(np.uint8).data, bytes(padding)]
            start += value.nbytes + padding
    return _LaidOut(told, chunks, start)


def _spelled(name: str, told: _Told) -> list[Any]:
    return [name, told.dtype.str, told.shape, told.file, told.offset]


def _parsed(header: bytes) -> tuple[dict[str, Any], dict[str, _Told]]:
    try:
        content = json.loads(header)
        told = {
            str(name): _Told(np.dtype(dtype), tuple(map(int, shape)), int(file), int(offset))
            for name, dtype, shape, file, offset in content["arrays"]
        }
        facts = dict(content["facts"])
    except (KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"its header is damaged: {error}") from error
    for one in told.values():
        if one.dtype.kind not in KINDS or min(one.shape, default=0) < 0 or not 0 <= one.offset <= sys.maxsize:
            raise ValueError("it holds arrays of something else than numbers")
    return facts, told


def _view(content: _Bytes, told: _Told) -> Array:
    """An array over a part of what was received.

    Raises:
        ValueError: it would reach beyond its end.
    """
    count = math.prod(told.shape)
    if not count:
        return np.empty(told.shape, told.dtype)
    return np.frombuffer(content, told.dtype, count, told.offset).reshape(told.shape)


def file_of(value: Array) -> MappedFile | None:
    """The mapped file that an array lies in."""
    base: Any = value
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    return base if isinstance(base, MappedFile) and value.size else None


def _file_of(chunks: Iterable[memoryview | bytes]) -> int:
    """A sealed file in memory; a temporary one where the system knows none."""
    if not _has_files_in_memory():
        return _temporary_file_of(chunks)
    import fcntl

    descriptor = os.memfd_create("dlpuconv", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        _write(descriptor, chunks)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _seals())
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@cache
def _has_files_in_memory() -> bool:
    """Whether the system knows them, and lets this process have them."""
    try:
        os.close(os.memfd_create("dlpuconv", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING))
    except (AttributeError, OSError):
        return False
    return True


def _lasting_file(size: int) -> tuple[int, mmap.mmap]:
    """A file in memory that keeps its length, and its pages, which may be written to."""
    import fcntl

    descriptor = os.memfd_create("dlpuconv", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, size)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _lasting_seals())
        return descriptor, mmap.mmap(descriptor, size)
    except BaseException:
        os.close(descriptor)
        raise


def _temporary_file_of(chunks: Iterable[memoryview | bytes]) -> int:
    import tempfile

    with tempfile.TemporaryFile(prefix=".dlpuconv-") as stream:
        descriptor = os.dup(stream.fileno())
        _write(descriptor, chunks)
    return descriptor


def _write(descriptor: int, chunks: Iterable[memoryview | bytes]) -> None:
    for chunk in chunks:
        view = memoryview(chunk)
        while view:
            view = view[os.write(descriptor, view) :]


def _seals() -> int:
    import fcntl

    return _lasting_seals() | fcntl.F_SEAL_WRITE


def _lasting_seals() -> int:
    import fcntl

    return fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _mapped(descriptor: int, most: int, trusting: bool) -> mmap.mmap | bytes:
    """What a file holds: mapped where nobody will change it any more, else copied; one of our own is there already."""
    try:
        found = os.fstat(descriptor)
        size = found.st_size
        own = _mapped_files.get(_identity(found))
        if own is not None and len(own) == size:
            return own
        if size and (trusting or _is_sealed(descriptor)):
            return MappedFile(os.dup(descriptor), size)
        if size > most:
            raise ValueError(f"one of its files is larger than {most} bytes")
        return os.pread(descriptor, size, 0)
    except OSError as error:  # whoever sends may send anything that has a descriptor
        raise ValueError(f"one of its files cannot be read: {error.strerror}") from error


def _is_sealed(descriptor: int, seals: Callable[[], int] = _seals) -> bool:
    try:
        import fcntl

        return fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & seals() == seals()
    except (ImportError, AttributeError, OSError):
        return False


def _exactly(sock: socket.socket, size: int, descriptors: list[int], until: float) -> bytes | None:
    """Exactly `size` bytes; None if the other side closes the connection before."""
    content = bytearray()
    while len(content) < size:
        sock.settimeout(None if until == math.inf else max(until - time.monotonic(), _AN_INSTANT))
        wanted = min(size - len(content), 1 << 20)
        try:
            part, received, _, _ = socket.recv_fds(sock, wanted, _MOST_FILES)
        except ConnectionError:
            return None
        descriptors.extend(received)
        if not part:
            return None
        content += part
    return bytes(content)

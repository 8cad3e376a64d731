"""Messages between this process and a worker: JSON and named arrays on a Unix socket; nothing in them is executed.

Small arrays follow the JSON. Large ones go into a file in memory whose descriptor travels with the message; the other
side maps it, so that they are neither copied again nor held twice. Such a file is sealed against every change: whoever
maps it needs to trust nobody.

This module is also loaded by interpreters that have no dlpuconv, so it imports only the standard library and NumPy.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

_PREFIX = struct.Struct("<QQ?")  # bytes of the JSON, bytes of the arrays, whether these are in a file
_LONGEST_JSON = 64 << 20
_INLINE = 1 << 16  # bytes of arrays up to which a file costs more than it saves
_ALIGNMENT = 64
KINDS = "biuf"
"""Of NumPy's dtypes that are carried: bool, signed, unsigned, float."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What goes over the socket in one direction at a time.

    Attributes:
        facts: anything that JSON holds.
        arrays: by name: numbers of any shape; what is received cannot be written to.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


def send(sock: socket.socket, message: Message) -> None:
    """Send one message.

    Args:
        sock: a connected Unix stream socket.
        message: its arrays are of `KINDS`.

    Raises:
        OSError: nobody reads, or there is no memory for the arrays.
        ValueError: there are arrays of something else than numbers.
    """
    arrays = {name: np.asarray(value, order="C") for name, value in message.arrays.items()}
    if strange := [name for name, value in arrays.items() if value.dtype.kind not in KINDS]:
        raise ValueError(f"{strange[0]!r} does not consist of numbers")
    told = [(name, value.dtype.str, value.shape) for name, value in arrays.items()]
    header = json.dumps({"facts": dict(message.facts), "arrays": told}).encode()
    total = sum(_padded(value.nbytes) for value in arrays.values())
    chunks = [chunk for value in arrays.values() for chunk in _chunks(value)]
    descriptor = _file_of(chunks) if total > _INLINE else None
    prefix = _PREFIX.pack(len(header), total, descriptor is not None)
    try:
        if descriptor is None:
            sock.sendall(b"".join((prefix, header, *chunks)))
        else:
            socket.send_fds(sock, [prefix], [descriptor])
            sock.sendall(header)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def receive(sock: socket.socket, most: int) -> Message | None:
    """Receive one message; None where the other side has gone.

    Args:
        sock: a connected Unix stream socket; its timeout holds for each part.
        most: bytes of the arrays together.

    Raises:
        TimeoutError: nothing came in the socket's time.
        ValueError: it is no message of this form, or a larger one.
    """
    descriptors: list[int] = []
    try:
        prefix = _exactly(sock, _PREFIX.size, descriptors)
        if prefix is None:
            return None
        length, total, in_file = _PREFIX.unpack(prefix)
        if length > _LONGEST_JSON or total > most:
            raise ValueError(f"it is larger than {most} bytes")
        header = _exactly(sock, length, descriptors)
        if header is None:
            return None
        facts, told = _parsed(header)
        if sum(_padded(dtype.itemsize * math.prod(shape)) for _, dtype, shape in told) != total:
            raise ValueError("its arrays are not as long as it says")
        content = _mapped(descriptors, total) if in_file else _exactly(sock, total, descriptors)
        return None if content is None else Message(facts=facts, arrays=_arrays(content, told))
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


type _Told = Sequence[tuple[str, np.dtype[Any], tuple[int, ...]]]


def _parsed(header: bytes) -> tuple[dict[str, Any], _Told]:
    try:
        content = json.loads(header)
        told = [(str(name), np.dtype(dtype), tuple(map(int, shape))) for name, dtype, shape in content["arrays"]]
        facts = dict(content["facts"])
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"its header is damaged: {error}") from error
    if any(dtype.kind not in KINDS or min(shape, default=0) < 0 for _, dtype, shape in told):
        raise ValueError("it holds arrays of something else than numbers")
    return facts, told


def _arrays(content: bytes | mmap.mmap, told: _Told) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {}
    start = 0
    for name, dtype, shape in told:
        count = math.prod(shape)
        arrays[name] = np.frombuffer(content, dtype, count, start).reshape(shape) if count else np.empty(shape, dtype)
        start += _padded(count * dtype.itemsize)
    return arrays


def _padded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _chunks(value: npt.NDArray[Any]) -> list[memoryview | bytes]:
    """The bytes of an array, and what fills them up to the next boundary."""
    if not value.size:
        return []
    return [value.reshape(-1).view(np.uint8).data, bytes(_padded(value.nbytes) - value.nbytes)]


def _file_of(chunks: Sequence[memoryview | bytes]) -> int:
    """A sealed file in memory; a temporary one where the system knows none."""
    if not hasattr(os, "memfd_create"):
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


def _temporary_file_of(chunks: Sequence[memoryview | bytes]) -> int:
    import tempfile

    with tempfile.TemporaryFile(prefix=".dlpuconv-") as stream:
        descriptor = os.dup(stream.fileno())
        _write(descriptor, chunks)
    return descriptor


def _write(descriptor: int, chunks: Sequence[memoryview | bytes]) -> None:
    for chunk in chunks:
        view = memoryview(chunk)
        while view:
            view = view[os.write(descriptor, view) :]


def _seals() -> int:
    import fcntl

    return fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


def _mapped(descriptors: Sequence[int], size: int) -> mmap.mmap | bytes:
    """What the file holds: mapped where nobody can change it any more, else copied."""
    if not descriptors:
        raise ValueError("the file that it speaks of is missing")
    descriptor = descriptors[0]
    if os.fstat(descriptor).st_size != size:
        raise ValueError("its file is not as long as it says")
    if _is_sealed(descriptor):
        return mmap.mmap(descriptor, size, prot=mmap.PROT_READ, flags=mmap.MAP_SHARED)
    os.lseek(descriptor, 0, os.SEEK_SET)
    content = bytearray()
    while len(content) < size and (part := os.read(descriptor, size - len(content))):
        content += part
    if len(content) != size:
        raise ValueError("its file is not as long as it says")
    return bytes(content)


def _is_sealed(descriptor: int) -> bool:
    try:
        import fcntl

        return fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & _seals() == _seals()
    except (ImportError, AttributeError, OSError):
        return False


def _exactly(sock: socket.socket, size: int, descriptors: list[int]) -> bytes | None:
    """So many bytes; None where the other side goes before they are there."""
    content = bytearray()
    while len(content) < size:
        wanted = min(size - len(content), 1 << 20)
        try:
            part, received, _, _ = socket.recv_fds(sock, wanted, 1)
        except ConnectionError:
            return None
        descriptors.extend(received)
        if not part:
            return None
        content += part
    return bytes(content)

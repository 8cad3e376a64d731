"""Named arrays on a pipe between two processes: plain bytes and JSON, of which nothing is executed by whoever reads."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO

    import numpy.typing as npt

_LENGTH = struct.Struct("<Q")
_LONGEST_HEADER = 16 << 20
KINDS = "biuf"
"""Of numpy's dtypes that are carried: bool, signed, unsigned, float."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One message.

    Attributes:
        arrays: by name: numbers of any type and shape.
        model: the arrays are the bytes of a model, to be loaded in place of the last one.
        problem: why there are none; empty where there are.
        excess: the problem is that a limit does not suffice.
    """

    arrays: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    model: bool = False
    problem: str = ""
    excess: bool = False


def send(stream: IO[bytes], frame: Frame) -> None:
    """Write one message: length of the header, header, arrays one after the other in C order.

    Raises:
        OSError: nobody reads.
    """
    told = [(name, value.dtype.str, value.shape) for name, value in frame.arrays.items()]
    facts = {"model": frame.model, "problem": frame.problem, "excess": frame.excess}
    header = json.dumps({"arrays": told, **facts}).encode()
    stream.write(_LENGTH.pack(len(header)) + header)
    for value in frame.arrays.values():
        stream.write(np.ascontiguousarray(value).data.cast("B") if value.size else b"")
    stream.flush()


def receive(stream: IO[bytes], most: int) -> Frame | None:
    """Read one message; None where the other side has gone.

    Args:
        stream: of the other side.
        most: bytes of the arrays together.

    Raises:
        ValueError: it is no message of this form, or a larger one.
    """
    start = stream.read(_LENGTH.size)
    if len(start) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(start)
    if length > _LONGEST_HEADER:
        raise ValueError("the header is too long")
    header = stream.read(length)
    if len(header) < length:
        return None
    try:
        content = json.loads(header)
        told = [(str(name), np.dtype(dtype), tuple(map(int, shape))) for name, dtype, shape in content["arrays"]]
        model, problem, excess = bool(content["model"]), str(content["problem"]), bool(content["excess"])
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"the header is damaged: {error}") from error
    if any(dtype.kind not in KINDS or min(shape, default=0) < 0 for _, dtype, shape in told):
        raise ValueError("there are arrays of something else than numbers")
    if sum(dtype.itemsize * math.prod(shape) for _, dtype, shape in told) > most:
        raise ValueError(f"the arrays are larger than {most} bytes")
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for name, dtype, shape in told:
        values = stream.read(dtype.itemsize * math.prod(shape))
        if len(values) < dtype.itemsize * math.prod(shape):
            return None
        arrays[name] = np.frombuffer(values, dtype).reshape(shape)
    return Frame(arrays=arrays, model=model, problem=problem, excess=excess)

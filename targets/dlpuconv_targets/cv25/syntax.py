"""How Ambarella's tools want to be told of inputs and outputs: the strings behind `-isrc` and `-odst`.

There is no public manual. These forms are those of Axis' guide "ONNX to CV25" and example `tensorflow-to-larod-cv25`,
and of scripts that others published; `idf` is sign, size (0: 8, 1: 16, 2: 32 bits), exponent offset, exponent bits.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dlpuconv.plugin.package import Encoding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpuconv.plugin.package import PackageInput, PackageOutput

ROW = 32  # bytes: each row of an input begins at a multiple of this (Axis: object-detection-cv25)
FX16 = "act-force-fx16,coeff-force-fx16"
_IDF = {Encoding.UINT8: "0,0,0,0", Encoding.FLOAT32: "1,2,0,7"}


def number(value: float) -> str:
    """The number with as few digits as keep its float32 value."""
    return f"{value:.9g}"


def numbers(values: Iterable[float]) -> str:
    """`123.675,116.28,103.53`."""
    return ",".join(map(number, values))


def idf(encoding: Encoding) -> str:
    """The format of an input's numbers; 8 bits are read as 0-255."""
    return _IDF[encoding]


def isrc(given: PackageInput, listed: str) -> str:
    """One input: its shape, that its data calibrate (`iq`), their format, and the file that lists them."""
    return f"is:{numbers(given.shape)}|iq|idf:{idf(given.encoding)}|i:{given.name}={listed}"


def odst(output: PackageOutput) -> str:
    """One output, float32 in the camera."""
    return f"o:{output.name}|odf:fp32"


def sample_bytes(given: PackageInput) -> int:
    """What one calibration file holds."""
    return math.prod(given.shape) * given.encoding.itemsize


def pitch(given: PackageInput) -> tuple[int, int]:
    """Bytes of a row, and the bytes that it takes in the camera's memory."""
    row = given.width * given.encoding.itemsize
    return row, -(-row // ROW) * ROW

"""C to copy: sizes of the buffers, and what turns values into codes and codes into values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.delivery.c_text import c_comment, c_float
from dlpuconv.reporting.contract import takes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.plugin import Port
    from dlpuconv.reporting.contract import Contract

_TYPES = {
    "int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "uint16": "uint16_t", "int32": "int32_t",
    "uint32": "uint32_t", "int64": "int64_t", "float32": "float", "float64": "double", "bool": "uint8_t",
}  # fmt: skip


def c_snippet(file: str, contract: Contract) -> str:
    """Declarations that compile as C99 with nothing but the standard headers."""
    lines = [f"/* {c_comment(file)} */", "#include <math.h>", "#include <stdint.h>"]
    for number, port in enumerate(contract.inputs):
        lines += ["", *_input(number, port, contract)]
    for number, port in enumerate(contract.outputs):
        lines += ["", *_output(number, port)]
    return "\n".join([*lines, ""])


def _input(number: int, port: Port, contract: Contract) -> Iterator[str]:
    yield f"/* input {number}, {_title(port)}; takes {takes(port, contract)} */"
    yield _size(f"INPUT_{number}", port)
    if port.scale is None or port.zero_point is None or port.dtype not in _TYPES or port.dtype.startswith("float"):
        return
    limits, kind = np.iinfo(port.dtype), _TYPES[port.dtype]
    yield f"static inline {kind} input_{number}_code(float real)"
    yield "{"
    yield f"    float code = rintf(real / {c_float(port.scale)}) + ({port.zero_point});"
    yield f"    return ({kind})fminf(fmaxf(code, {c_float(limits.min)}), {c_float(limits.max)});"
    yield "}"


def _output(number: int, port: Port) -> Iterator[str]:
    yield f"/* output {number}, {_title(port)} */"
    yield _size(f"OUTPUT_{number}", port)
    if port.scale is None or port.zero_point is None or port.dtype not in _TYPES:
        return
    yield f"static inline float output_{number}_real({_TYPES[port.dtype]} code)"
    yield "{"
    yield f"    return (float)(code - ({port.zero_point})) * {c_float(port.scale)};"
    yield "}"


def _size(prefix: str, port: Port) -> str:
    count = math.prod(max(extent, 1) for extent in port.shape)
    return f"enum {{ {prefix}_SIZE = {count} }}; /* values of type {_TYPES.get(port.dtype, port.dtype)} */"


def _title(port: Port) -> str:
    name = c_comment(port.name_in_file)
    return f'"{name}": {port.dtype} [{", ".join(map(str, port.shape))}]'

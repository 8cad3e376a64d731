"""C to include: what turns an application's values into codes and codes into values, and the size of each buffer."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.contract.axis_names import axis_names
from dlpuconv.contract.c_activation import activation_of
from dlpuconv.contract.c_text import c_comment, c_float, c_function
from dlpuconv.contract.description import affine_of, height_width_channels
from dlpuconv.contract.words import gives, lines_of, part_of, resized, shaped, takes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dlpuconv.contract.description import Contract, Feed
    from dlpuconv.ir import Port
    from dlpuconv.manifest import DivisionRecord

_TYPES = {
    "int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "uint16": "uint16_t", "int32": "int32_t",
    "uint32": "uint32_t", "int64": "int64_t", "float32": "float", "float64": "double",
}  # fmt: skip


def c_header(stem: str, contract: Contract, division: DivisionRecord | None = None) -> str:
    """`model_params.h`: macros and inline functions, C99 with nothing but the standard headers.

    It compiles under the warnings of Axis' examples, `-Wbad-function-cast` among them, which are errors there.

    Args:
        stem: of the file's name, for the guard and the first line.
        contract: of both ends.
        division: what the camera's CPU runs beside the file; None where that is the whole network.
    """
    guard = f"M_{re.sub(r'\W', '_', stem, flags=re.ASCII).upper()}_MODEL_PARAMS_H"
    lines = [
        f"/* Made by dlpuconv: how to feed and read {c_comment(stem)}. */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        "#include <math.h>",
        "#include <stdint.h>",
        "",
        *(_rests(division, contract) if division else ()),
        f"#define MODEL_NUM_INPUTS {len(contract.inputs)}",
        f"#define MODEL_NUM_OUTPUTS {len(contract.outputs)}",
    ]
    for number, feed in enumerate(contract.inputs):
        lines += ["", *_input(number, feed, contract)]
    for number, port in enumerate(contract.outputs):
        lines += ["", *_output(number, port)]
    return "\n".join([*lines, *axis_names(contract), "", f"#endif /* {guard} */", ""])


def _rests(division: DivisionRecord, contract: Contract) -> Iterator[str]:
    """Which files run before and behind this one, and which buffers go from one to the next."""
    buffers: dict[str, list[str]] = {}
    for number, feed in enumerate(contract.inputs):
        buffers.setdefault(feed.port.source_name, []).append(f"input {number}")
    for number, port in enumerate(contract.outputs):
        buffers.setdefault(port.source_name, []).append(f"output {number}")

    def told(names: Iterable[str]) -> str:
        return ", ".join(f"{name} ({' and '.join(buffers.get(name, ['not of this file']))})" for name in names)

    front, tail = division.front, division.tail
    yield _comment(
        "This file is the chip's part of the network. The camera's CPU runs the rest, on real values in the source"
        " model's order of axes.",
        f"Before this one runs {front.file}. It gives {told(front.gives)}." if front else "",
        f"Behind it runs {tail.file}. It reads {told(wire.name for wire in tail.reads)}." if tail else "",
    )
    yield ""


def _input(number: int, feed: Feed, contract: Contract) -> Iterator[str]:
    port, prefix = feed.port, f"MODEL_INPUT_{number}"
    yield _comment(
        f'Input {number}, "{port.name_in_file}": {port.dtype} {shaped(port)}.',
        f"It is {part_of(port)}." if port.part else "",
        f"It takes {takes(feed, contract)}.",
        resized(feed),
    )
    yield from _extents(prefix, port)
    if (extents := height_width_channels(port)) is not None:
        yield from _macros(prefix, zip(("HEIGHT", "WIDTH", "CHANNELS"), extents, strict=True))
    yield from _picture(prefix, feed)
    if feed.pixel_offset is None:
        yield from _scale(prefix, port)
        yield from _from_real(number, port)
    else:
        yield from _from_pixel(number, port, feed.pixel_offset)


def _output(number: int, port: Port) -> Iterator[str]:
    prefix = f"MODEL_OUTPUT_{number}"
    yield _comment(
        f'Output {number}, "{port.name_in_file}": {port.dtype} {shaped(port)}.',
        f"It is {part_of(port)}." if port.part else "",
        f"It gives {gives(port)}.",
    )
    yield from _extents(prefix, port)
    yield from _scale(prefix, port)
    if (affine := affine_of(port)) is not None:
        real = f"((float)code - {c_float(affine.zero_point)}) * {c_float(affine.scale)}"
        yield from c_function(f"float model_output_{number}_to_real({_TYPES[port.dtype]} code)", f"return {real}")
        yield from activation_of(number, port, _TYPES[port.dtype])


def _picture(prefix: str, feed: Feed) -> Iterator[str]:
    """What is known of the pictures that go in."""
    picture = feed.picture
    if picture is None:
        return
    if picture.color:
        yield f'#define {prefix}_COLOR "{picture.color}"'
    if picture.fill is not None:
        yield _comment("Gray level of the pixels beside a letterboxed picture; what is done to pixels is done to it.")
        yield f"#define {prefix}_LETTERBOX_FILL {picture.fill}"
    if picture.mean:
        yield f"#define {prefix}_MEAN {{{', '.join(map(c_float, picture.mean))}}}"
        yield f"#define {prefix}_STD {{{', '.join(map(c_float, picture.std))}}}"


def _extents(prefix: str, port: Port) -> Iterator[str]:
    yield f'#define {prefix}_DTYPE "{c_comment(port.dtype)}"'
    shape = [("RANK", len(port.shape)), ("SHAPE", f"{{{', '.join(map(str, port.shape))}}}")]
    yield from _macros(prefix, [*shape, ("SIZE", math.prod(max(extent, 1) for extent in port.shape))])


def _scale(prefix: str, port: Port) -> Iterator[str]:
    if (affine := affine_of(port)) is not None:
        yield from _macros(prefix, [("SCALE", c_float(affine.scale)), ("ZERO_POINT", f"({affine.zero_point})")])


def _from_pixel(number: int, port: Port, offset: int) -> Iterator[str]:
    """Neither scale nor zero point has a part in it, so the header says what the two are."""
    prefix = f"MODEL_INPUT_{number}"
    yield from _macros(prefix, [("RAW_PIXELS", 1), ("PIXEL_OFFSET", f"({offset})")])
    if affine_of(port) is not None:
        yield _comment("What the codes stand for inside the network. Pixels need neither of the two.")
    yield from _scale(prefix, port)
    if port.dtype in _TYPES:
        kind = _TYPES[port.dtype]
        code = f"({kind})(pixel - {-offset})" if offset else "pixel"
        yield from c_function(f"{kind} model_input_{number}_from_pixel(uint8_t pixel)", f"return {code}")


def _from_real(number: int, port: Port) -> Iterator[str]:
    """Rounds half to even, in double: exactly what the verifier and the Python code do."""
    if (affine := affine_of(port)) is not None:
        limits, kind = np.iinfo(port.dtype), _TYPES[port.dtype]
        yield from c_function(
            f"{kind} model_input_{number}_from_real(float real)",
            f"double code = rint((double)real / (double){c_float(affine.scale)}) + ({affine.zero_point})",
            f"code = fmin(fmax(code, {limits.min}.0), {limits.max}.0)",
            f"return ({kind})code",
        )


def _macros(prefix: str, values: Sequence[tuple[str, object]] | Iterator[tuple[str, object]]) -> Iterator[str]:
    yield from (f"#define {prefix}_{name} {value}" for name, value in values)


def _comment(*sentences: str) -> str:
    """Each sentence on lines of its own; nothing in them can end the comment."""
    lines = [line for sentence in sentences for line in lines_of(c_comment(sentence))]
    return f"/* {'\n   '.join(lines)} */"

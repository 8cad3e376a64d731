"""Python to copy: runs a file, from what an application has to what the source model would give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.contract.description import INTEGERS, affine_of
from dlpuconv.contract.words import lines_of, part_of, resized, shaped, takes
from dlpuconv.ir import ActivationKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.contract.description import Contract, Feed
    from dlpuconv.formats.kinds import FileKind
    from dlpuconv.ir import Affine, Port
    from dlpuconv.ir.strides import Stride


_ACTIVATIONS = {
    ActivationKind.SIGMOID: ("def sigmoid(logits):", "    return 0.5 + 0.5 * np.tanh(0.5 * logits)", "", ""),
    ActivationKind.SOFTMAX: (
        "def softmax(logits, axis):",
        "    powers = np.exp(logits - logits.max(axis, keepdims=True))",
        "    return powers / powers.sum(axis, keepdims=True)",
        "",
        "",
    ),
}


def python_snippet(file: str, contract: Contract, kind: FileKind) -> str:
    """A module with a function `run`, which takes each input and gives the outputs by name.

    Args:
        file: path for the reader to change.
        contract: of both ends.
        kind: of the file.
    """
    names = [f"x{number}" for number in range(len(contract.inputs))] if len(contract.inputs) != 1 else ["x"]
    body = [
        f"def run({', '.join(names)}):",
        '    """Gives real values by name, in the source model\'s order of axes."""'
        if contract.known
        else '    """Gives real values by name."""',
        *(line for name, feed in zip(names, contract.inputs, strict=True) for line in _fed(name, feed, contract)),
        f"    raw = infer({', '.join(names)})",
        *_answer(contract),
    ]
    activations = {port.activation.kind for port in contract.outputs if port.activation}
    helpers = [line for known, lines in _ACTIVATIONS.items() if known in activations for line in lines]
    return "\n".join([kind.python.format(file=repr(file)), "", *helpers, *body, ""])


def _fed(name: str, feed: Feed, contract: Contract) -> Iterator[str]:
    """What an input is, and how it becomes what the file takes; pixels that somebody normalized are refused."""
    port, affine = feed.port, affine_of(feed.port)
    given = "uint8" if feed.binding.raw_pixels else "float" if affine else port.dtype
    part = f", {part_of(port)}" if port.part else ""
    what = "" if feed.computed else f"{given} {shaped(port)}{part}, "
    for told in (f"{name}: {what}{takes(feed, contract)}.", resized(feed)):
        yield from (f"    # {line}" for line in lines_of(told))
    if feed.computed:
        yield f"    {name} = {_brought(f'np.asarray({name})', port)}"
    if feed.pixel_offset is not None:
        pixels = f'np.asarray({name}).astype(np.uint8, casting="safe")'
        yield f"    {name} = {_moved(pixels, port.dtype, feed.pixel_offset)}"
    elif affine is not None:
        limits = np.iinfo(port.dtype)
        rounded = f"np.rint(np.asarray({name}, np.float64) / {_step(affine)})"
        codes = f"np.clip({rounded} + {affine.zero_point}, {limits.min}, {limits.max})"
        yield f"    {name} = {codes}.astype(np.{port.dtype})"
    else:
        yield f"    {name} = np.asarray({name}, np.{_numpy(port.dtype)})"


def _brought(value: str, port: Port) -> str:
    """What another part of the network gives, as an input takes it: its slice, in its order of axes."""
    if port.part is not None:
        value += f".take({_places(port.part.stride)}, axis={port.part.axis})"
    order = port.permutation
    if len(order) == len(port.source_shape) and order != tuple(sorted(order)):
        value += f".transpose({', '.join(map(str, order))})"
    return f"{value}.reshape({list(port.shape)})"


def _moved(pixels: str, dtype: str, offset: int) -> str:
    if offset:
        return f"({pixels}.astype(np.int16) - {-offset}).astype(np.{_numpy(dtype)})"
    return pixels if dtype == "uint8" else f"{pixels}.astype(np.{_numpy(dtype)})"


def _answer(contract: Contract) -> Iterator[str]:
    """The outputs in real units; the parts of one source output are put together again."""
    yield "    return {"
    for number, port in enumerate(contract.outputs):
        if port.part is None:
            opened, closed = _activated(port)
            yield f"        {port.source_name!r}: {opened}{_real(number, port)}{closed},"
    for (name, axis), pieces in contract.parts.items():
        opened, closed = _activated(contract.outputs[pieces[0][0]])
        yield f"        {name!r}: {opened}np.concatenate(["
        yield from (f"            {_real(number, contract.outputs[number])}," for number, _ in pieces)
        strides = [part.stride for _, part in pieces]
        behind = f"np.concatenate([{', '.join(map(_places, strides))}])"
        alternate = any(stride.step > 1 for stride in strides)
        yield f"        ], axis={axis}){f'.take(np.argsort({behind}), axis={axis})' if alternate else ''}{closed},"
    yield "    }"


def _activated(port: Port) -> tuple[str, str]:
    """What to put in front of logits and behind them, to make probabilities of them."""
    if port.activation is None:
        return "", ""
    return f"{port.activation.kind}(", ")" if port.activation.axis is None else f", {port.activation.axis})"


def _places(stride: Stride) -> str:
    """Where the slices of a part belong, as an array."""
    if stride.run == 1:
        return f"np.arange({stride.start}, {stride.stop}{f', {stride.step}' if stride.step > 1 else ''})"
    rounds = stride.count // stride.run
    ends = f"{stride.start}, {stride.start + rounds * stride.step}"
    return f"np.arange({ends}).reshape(-1, {stride.step})[:, :{stride.run}].reshape(-1)"


def _real(number: int, port: Port) -> str:
    text = f"raw[{number}]"
    if (affine := affine_of(port)) is not None:
        zero_point = affine.zero_point
        minus = f" - {zero_point}" if zero_point >= 0 else f" + {-zero_point}"
        text = f"(({text}.astype(np.float32){minus}) * np.float32({_step(affine)}))"
    order = [int(axis) for axis in np.argsort(port.permutation)]
    if len(order) == len(port.shape) and order != sorted(order):
        text += f".transpose({', '.join(map(str, order))})"
        after = tuple(port.shape[axis] for axis in order)
    else:
        after = port.shape
    return text if after == port.source_shape else f"{text}.reshape({list(port.source_shape)})"


def _step(affine: Affine) -> str:
    """The scale as the file holds it, in float32."""
    return repr(float(np.float32(affine.scale)))


def _numpy(dtype: str) -> str:
    known = (*INTEGERS, "float16", "float32", "float64")
    return dtype if dtype in known else "bool_" if dtype == "bool" else "float32"

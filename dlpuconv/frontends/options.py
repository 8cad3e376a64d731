"""What a user may say about a model before it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from shlex import quote
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """How to read a model.

    Attributes:
        input_shapes: static shape by input name; the name "" stands for the only input.
        cut_at: names of the values that become the outputs, in this order; empty to keep the model's own.
        input_names: for the inputs of a PyTorch source, in order; empty to keep the names of the arguments.
        output_names: for its outputs, likewise; empty to keep their keys.
        factory: makes the PyTorch module of a file of weights: a function, or `module:function`; empty for none.
        allow_pickle: a PyTorch file may run what it holds.
        signature: of a SavedModel, which holds a function for each; empty for the usual one.
    """

    input_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    cut_at: tuple[str, ...] = ()
    input_names: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()
    factory: Callable[[], Any] | str = ""
    allow_pickle: bool = False
    signature: str = ""


def parse_input_shape(text: str) -> tuple[str, tuple[int, ...]]:
    """Name and shape in `name=1,3,224,224`; the name is "" in plain `1,3,224,224`.

    Raises:
        UsageError: the text has another form, or an extent is not a positive integer.
    """
    name, equals, extents = text.rpartition("=")
    wrong = f"--input-shape {text!r} is not of the form name=1,3,224,224 (or 1,3,224,224 for a model of one input)"
    if equals and not name.strip():
        raise UsageError(wrong, id="input-shape-form")
    parts = extents.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise UsageError(wrong, id="input-shape-form")
    # What has more digits is no extent, and more than Python turns into a number.
    shape = tuple(int(part) if len(part) <= _MOST_DIGITS else 0 for part in parts)
    if not all(0 < extent < 2**31 for extent in shape):
        raise UsageError(f"--input-shape {text!r} has a dimension outside of 1 to 2147483647", id="input-shape-form")
    return name.strip(), shape


def shape_flag(name: str, shape: tuple[int | str, ...]) -> str:
    """The option to type, such as `--input-shape images=1,3,H,W`; quoted whole where a shell needs it."""
    return f"--input-shape {quote(f'{name}{"=" if name else ""}{",".join(map(str, shape))}')}"

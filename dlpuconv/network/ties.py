"""Ties as the operators of every format have them: between alike values, and between parts and their whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.network.meaning import Tie

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dlpuconv.network.value import Value

type Ties = tuple[Tie, ...] | None
"""Of one node; None where the channels of all that it touches keep their scale."""


def active(inputs: Iterable[Value | None]) -> list[Value]:
    """What of a node's inputs flows in."""
    return [v for v in inputs if v is not None and v.is_data and not v.is_constant]


def constants(inputs: Iterable[Value | None]) -> list[Value]:
    """What of a node's inputs is data and known."""
    return [v for v in inputs if v is not None and v.is_data and v.is_constant]


def by_channel(known: Iterable[Value], made: Value) -> bool:
    """Whether constants have one number for all channels, or one for each channel of what is made."""
    return all(not v.shape or v.shape[-1] in (1, *made.shape[-1:]) for v in known)


def tied(one: Value, other: Value, start: int = 0) -> Ties:
    """Ties of every channel of one value to a channel of the other."""
    count = one.channels
    if count > other.channels - start:
        return None
    channels = np.arange(count)
    return (Tie(one, channels, other, start + channels),)


def alike(values: Sequence[Value], other: Value) -> Ties:
    """Channel by channel."""
    if any(v.channels != other.channels for v in values):
        return None
    channels = np.arange(other.channels)
    return tuple(Tie(v, channels, other, channels) for v in values)


def laid_out(parts: Sequence[Value], whole: Value) -> Ties:
    """Channels of the parts, one behind the other, are those of the whole."""
    ends = np.cumsum([v.channels for v in parts]).tolist()
    if ends[-1] != whole.channels:
        return None
    found = [tied(part, whole, end - part.channels) for part, end in zip(parts, ends, strict=True)]
    return tuple(tie for ties in found for tie in ties or ())

"""What a chip wants of its numbers: pure data that a Target holds and a backend obeys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Granularity(StrEnum):
    """How many scales the weights of one layer have."""

    PER_TENSOR = "per-tensor"
    PER_CHANNEL = "per-channel"


class Numbers(StrEnum):
    """What the values of a converted model are."""

    INT8 = "int8"
    FLOAT32 = "float32"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """The number format of a chip.

    Attributes:
        numbers: full-integer int8, or float32 where the chip's own compiler quantizes.
        weights: granularity of weights unless the user asks for another.
        discouraged: granularities that run but that the chip pays dearly for: they fail `verify`, and are a
            warning where the user asked for them.
    """

    numbers: Numbers
    weights: Granularity = Granularity.PER_TENSOR
    discouraged: frozenset[Granularity] = frozenset()

"""The number format of a chip: data that a Target holds and a backend follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from dlpuconv.ir.affine import INT8, IntegerType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.ir.affine import Affine


class Granularity(StrEnum):
    """How many scales the weights of one layer have."""

    PER_TENSOR = "per-tensor"
    PER_CHANNEL = "per-channel"


class Numbers(StrEnum):
    """What the values of a converted model are."""

    INT8 = "int8"
    FLOAT32 = "float32"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """How real numbers are quantized to integer codes.

    Attributes:
        type: of the codes.
        symmetric: the code in the middle stands for zero, and the lowest one is not aimed at, so that there are as many
            on each side.
        power_of_two: scales are powers of two: a shift instead of a multiplication.
        reduce_range: one bit of the type is left unused, for accumulators that saturate early.
    """

    type: IntegerType = INT8
    symmetric: bool = False
    power_of_two: bool = False
    reduce_range: bool = False

    @property
    def lowest(self) -> int:
        """The lowest code that is aimed at."""
        return self._codes.lowest + self.symmetric

    @property
    def highest(self) -> int:
        """The highest one."""
        return self._codes.highest

    @property
    def middle(self) -> int:
        """The code of zero, where that is prescribed."""
        return (self._codes.lowest + self._codes.highest + 1) // 2

    @property
    def steps(self) -> int:
        """From the lowest to the highest code."""
        return self.highest - self.lowest

    @property
    def _codes(self) -> IntegerType:
        return IntegerType(self.type.bits - self.reduce_range, signed=self.type.signed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """The number format of a chip; types and scales are of full-integer files alone.

    Attributes:
        numbers: integers, or float32 where the chip's own compiler quantizes.
        weights: granularity of weights unless the user asks for another.
        discouraged: granularities that run but that the chip pays dearly for: they fail `verify`, and are a
            warning where the user asked for them.
        by_operator: granularity of weights, where it is another one, by what the file's format calls the operator.
        activation_codes: of activations, and of constants that stand in the place of one.
        weight_codes: of weights. Biases are int32; their scale is the product of the scales of input and weights.
        prescribed: scale and zero point of what an operator makes, by what the file's format calls the operator;
            beside what the format itself prescribes.
    """

    numbers: Numbers
    weights: Granularity = Granularity.PER_TENSOR
    discouraged: frozenset[Granularity] = frozenset()
    by_operator: Mapping[str, Granularity] = field(default_factory=dict, hash=False)
    activation_codes: Coding = Coding()
    weight_codes: Coding = Coding(symmetric=True)
    prescribed: Mapping[str, Affine] = field(default_factory=dict, hash=False)

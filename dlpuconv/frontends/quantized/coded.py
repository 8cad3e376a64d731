"""Values of codes while a graph is read: of which real numbers, and which codes can occur."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import ModelError, UnsupportedModelError
from dlpuconv.ir.affine import IntegerType
from dlpuconv.ir.nodes import label

if TYPE_CHECKING:
    import onnx

    from dlpuconv.frontends.quantized.constants import GraphConstants
    from dlpuconv.frontends.quantized.parameters import Parameters

_MOST_BITS = 32


@dataclass(frozen=True, slots=True)
class Coded:
    """A value of codes.

    Attributes:
        source: the real numbers that were quantized.
        said: how.
        low: the lowest code that can occur.
        high: the highest one.
    """

    source: str
    said: Parameters
    low: int
    high: int

    @classmethod
    def of(cls, source: str, said: Parameters) -> Coded:
        """Coded values that may have every code of their type."""
        return cls(source, said, said.codes.lowest, said.codes.highest)

    @property
    def narrowed(self) -> Parameters:
        """What was said, of the smallest type that holds these codes."""
        types = (IntegerType(bits, self.said.codes.signed) for bits in range(1, _MOST_BITS + 1))
        smallest = next(codes for codes in types if codes.lowest <= self.low and self.high <= codes.highest)
        return replace(self.said, codes=smallest)

    @property
    def cuts_below_zero(self) -> bool:
        """No code stands for a negative number."""
        return bool((self.said.zero_points == self.low).all())

    def ends_at(self, bound: float) -> bool:
        """Whether the highest code stands for this number, to half a step."""
        ends = (self.high - self.said.zero_points) * self.said.scales
        return bool((np.abs(ends - bound) <= self.said.scales / 2).all())


def code_range(node: onnx.NodeProto, constants: GraphConstants, lowest: int, highest: int) -> tuple[int, int]:
    """The lowest and highest code behind a Clip of codes.

    Args:
        node: the Clip.
        constants: of its graph.
        lowest: code in front of it.
        highest: code in front of it.

    Raises:
        ModelError: one code is left, or none.
        UnsupportedModelError: the bounds are computed.
    """
    names = (*node.input[1:3], "", "")[:2]
    bounds = [constants.codes(name) if name else None for name in names]
    if any(name and codes is None for name, codes in zip(names, bounds, strict=True)):
        raise UnsupportedModelError(
            f"{label(node)} clips quantized values at bounds that are not constant", id="quantization-not-constant"
        )
    low, high = bounds
    lowest = max(lowest, int(low.values.max())) if low and low.values.size else lowest
    highest = min(highest, int(high.values.min())) if high and high.values.size else highest
    if lowest >= highest:
        raise ModelError(
            f"{label(node)} clips quantized values so far that at most one integer is left", id="quantization-invalid"
        )
    return lowest, highest


def same_codes(one: Parameters, other: Parameters) -> bool:
    """Whether two nodes say the same of the same codes."""
    return (
        np.array_equal(one.scales, other.scales)
        and np.array_equal(one.zero_points, other.zero_points)
        and one.codes == other.codes
        and (one.per_tensor or one.axis == other.axis)
    )

"""What the elements of a value hold along one of its axes, looked up where they come from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from dlpuconv.network import Range
from dlpuconv.quantization.scales.choice import range_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.ir.affine import IntegerType
    from dlpuconv.network import Network, Value


@dataclass(frozen=True, slots=True)
class LineKind:
    """Slices of a value that come from the same place.

    Attributes:
        values: what they hold.
        innermost: width of the narrowest activation that any of it comes from; infinite where all are zero throughout.
    """

    values: Range
    innermost: float


@dataclass(frozen=True, slots=True)
class Line:
    """The slices of a value along an axis.

    Attributes:
        kinds: what there is.
        of: [extent] position in `kinds` by slice.
    """

    kinds: tuple[LineKind, ...]
    of: npt.NDArray[np.intp]

    @classmethod
    def plain(cls, extent: int, values: Range) -> Self:
        """A line whose slices are all of one kind."""
        return cls((LineKind(values, values.width or math.inf),), np.zeros(extent, np.intp))

    @classmethod
    def behind(cls, parts: Sequence[Line]) -> Self:
        """The line of values that are concatenated along the axis."""
        begins = np.cumsum([0, *(len(part.kinds) for part in parts)])
        of = [part.of + begin for part, begin in zip(parts, begins, strict=False)]
        return cls(tuple(kind for part in parts for kind in part.kinds), np.concatenate(of))

    @classmethod
    def beside(cls, parts: Sequence[Line]) -> Self:
        """Of values that are joined along another axis; what lies side by side has one range."""
        return cls._refined(parts, _all_of)

    @classmethod
    def merged(cls, axes: Sequence[Line]) -> Self:
        """Of an axis that is several behind one another, the outermost first; a slice lies in one of each."""
        extents = [axis.of.size for axis in axes]
        spread = [
            Line(axis.kinds, np.tile(np.repeat(axis.of, math.prod(extents[number + 1 :])), math.prod(extents[:number])))
            for number, axis in enumerate(axes)
        ]
        return cls._refined(spread, lambda kinds: min(kinds, key=lambda kind: kind.values.width))

    @classmethod
    def _refined(cls, parts: Sequence[Line], combine: Callable[[Sequence[LineKind]], LineKind]) -> Self:
        """Slices are of one kind where all the parts say so."""
        codes = np.zeros_like(parts[0].of)
        for part in parts:
            codes = codes * len(part.kinds) + part.of
        _, firsts, of = np.unique(codes, return_index=True, return_inverse=True)
        return cls(tuple(combine([part.kinds[part.of[first]] for part in parts]) for first in firsts), of)


def _all_of(kinds: Sequence[LineKind]) -> LineKind:
    whole = kinds[0].values
    for other in kinds[1:]:
        whole = whole.union(other.values)
    return LineKind(whole, min(kind.innermost for kind in kinds))


class LineFinder:
    """Finds lines of values, through the operators that only move values.

    Args:
        network: float.
        ranges: observed lowest and highest value by name.
        codes: in which the format prescribes scales.
    """

    def __init__(self, network: Network, ranges: Mapping[str, Range], codes: IntegerType) -> None:
        self._producers = network.producers()
        self._ranges, self._codes = ranges, codes

    def along(self, value: Value, axis: int) -> Line:
        """What lies along an axis of a value."""
        node = self._producers.get(value)
        if node is not None and node.meaning.joins is not None:
            parts = [self.along(each, axis) for _, each in node.data_inputs]
            return Line.behind(parts) if node.meaning.joins == axis else Line.beside(parts)
        carried = node.meaning.carries[axis] if node is not None and node.meaning.carries else ()
        if node is not None and carried:
            lines = [self.along(node.data_inputs[0][1], each) for each in carried]
            if len(lines) == 1 or any(len(line.kinds) > 1 for line in lines):
                return Line.merged(lines)
        return Line.plain(value.shape[axis], self._values(value))

    def _values(self, value: Value) -> Range:
        """What a value's scale must hold; all of a sigmoid, however few of its values calibration saw."""
        observed: Range | None = None
        sources = [value]
        while len(sources) == 1:
            data = sources[0].data
            if data is not None:
                return Range(float(data.min(initial=0.0)), float(data.max(initial=0.0)))
            observed = observed or self._ranges.get(sources[0].name)
            node = self._producers.get(sources[0])
            if node is not None and node.meaning.fixed is not None:
                return range_of(node.meaning.fixed, self._codes)
            inputs = [v for _, v in node.data_inputs] if node is not None and node.meaning.moves else []
            sources = [v for v in inputs if not v.is_constant] or inputs
        assert observed is not None
        return observed

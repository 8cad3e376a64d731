"""Outputs that one scale does not suit, because their parts differ much in range.

An output has one scale. Where it holds boxes of 640 pixels beside scores of 1, a step is 2.5 and every score is zero.
What its elements hold is looked up where they come from, through the operators that only move values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from dlpuconv.ir.affine import INT8
from dlpuconv.network import OutputPiece, Range
from dlpuconv.quantization.scales.choice import range_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.ir.affine import IntegerType
    from dlpuconv.network import Network, Value

FEWEST_STEPS = 16
"""Of 255: a part whose values span fewer steps of the output's scale is starved."""
_STEPS = 255
_TOLD = 4


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring elements of an output along one axis.

    Attributes:
        start: index of the first one.
        stop: index after the last one.
        values: what they hold.
        narrowest: width of the narrowest span that was merged into this one; infinite where all are zero throughout.
        innermost: width of the narrowest activation that any of it comes from, which a cut along another axis may save.
    """

    start: int
    stop: int
    values: Range
    narrowest: float
    innermost: float

    @classmethod
    def of(cls, start: int, stop: int, values: Range, innermost: float | None = None) -> Span:
        """One that nothing was merged into."""
        width = values.width or math.inf
        return cls(start, stop, values, width, width if innermost is None else innermost)

    def merged(self, after: Span) -> Span:
        """With the neighbour behind it."""
        values = self.values.union(after.values)
        narrowest, innermost = min(self.narrowest, after.narrowest), min(self.innermost, after.innermost)
        return Span(self.start, after.stop, values, narrowest, innermost)

    @property
    def steps(self) -> float:
        """How many steps of a scale for all the narrowest span gets."""
        return _STEPS * self.narrowest / self.values.width if self.values.width else math.inf


@dataclass(frozen=True, slots=True)
class Mixed:
    """An output that one scale does not suit.

    Attributes:
        output: position among the network's outputs.
        axis: of the output.
        spans: along that axis, at least two; each gets on with one scale.
        steps: how many of 255 the most starved part gets while they are together.
    """

    output: int
    axis: int
    spans: tuple[Span, ...]
    steps: float

    @property
    def left(self) -> float:
        """How many steps the most starved activation gets once they are apart."""
        return min(_STEPS * s.innermost / s.values.width for s in self.spans if s.values.width)


def mixed_outputs(network: Network, ranges: Mapping[str, Range], codes: IntegerType = INT8) -> list[Mixed]:
    """The outputs whose parts one scale would starve.

    Args:
        network: float.
        ranges: observed lowest and highest value by name.
        codes: in which the format prescribes scales.
    """
    reader = _Reader(network, ranges, codes)
    found = []
    for index, value in enumerate(network.outputs):
        candidates = [reader.mixed(index, value, axis) for axis in range(len(value.shape)) if value.is_data]
        starved = [mixed for mixed in candidates if mixed is not None]
        if starved:
            found.append(max(starved, key=lambda mixed: mixed.left))
    return found


def pieces_of(network: Network, mixed: Sequence[Mixed]) -> list[OutputPiece]:
    """What the outputs are to become where each span gets one of its own.

    Args:
        network: float.
        mixed: what `mixed_outputs` found in it.
    """
    spans = {
        found.output: [OutputPiece(found.output, found.axis, s.start, s.stop) for s in found.spans] for found in mixed
    }
    return [piece for index in range(len(network.outputs)) for piece in spans.get(index, [OutputPiece(index)])]


def tell_mixed(network: Network, mixed: Sequence[Mixed], kept: str = "") -> list[str]:
    """A warning for each such output; to be asked for before they are split.

    Args:
        network: float.
        mixed: what `mixed_outputs` found in it.
        kept: why they are not split; empty where they are.
    """
    told = []
    for found in mixed:
        name = network.outputs[found.output].name
        ranges = ", ".join(f"{s.values.low:.4g} to {s.values.high:.4g}" for s in found.spans[:_TOLD])
        more = ", ..." if len(found.spans) > _TOLD else ""
        why = (
            f"the output {name!r} joins parts of different ranges ({ranges}{more}), of which one scale would leave the"
            f" narrowest {found.steps:.2g} of {_STEPS} steps"
        )
        parts = f"{len(found.spans)} outputs, {name}_part0 to {name}_part{len(found.spans) - 1}"
        whole = f"it is kept whole, as {kept}: expect little of that part"
        told.append(f"{why}: {whole if kept else f'it became {parts}; the manifest says how to put them together'}")
    return told


class _Reader:
    """Finds out what the elements of a value hold along an axis."""

    def __init__(self, network: Network, ranges: Mapping[str, Range], codes: IntegerType) -> None:
        self._producers = network.producers()
        self._ranges, self._codes = ranges, codes

    def mixed(self, output: int, value: Value, axis: int) -> Mixed | None:
        """How an output must be cut along this axis, or None where one scale serves all of it."""
        spans = self._spans(value, axis)
        whole = spans[0]
        cut = [spans[0]]
        for span in spans[1:]:
            whole = whole.merged(span)
            together = cut[-1].merged(span)
            cut[-1:] = [together] if together.steps >= FEWEST_STEPS else [cut[-1], span]
        return Mixed(output, axis, tuple(cut), whole.steps) if len(cut) > 1 else None

    def _spans(self, value: Value, axis: int) -> list[Span]:
        node = self._producers.get(value)
        if node is not None and node.meaning.joins is not None:
            parts = [self._spans(each, axis) for _, each in node.data_inputs]
            return _behind_each_other(parts) if node.meaning.joins == axis else _beside_each_other(parts)
        carried = node.meaning.carries[axis] if node is not None and node.meaning.carries else None
        if node is not None and carried is not None:
            return self._spans(node.data_inputs[0][1], carried)
        return [Span.of(0, value.shape[axis], self._values(value))]

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


def _behind_each_other(parts: Sequence[Sequence[Span]]) -> list[Span]:
    found: list[Span] = []
    for spans in parts:
        offset = found[-1].stop if found else 0
        found += [replace(s, start=s.start + offset, stop=s.stop + offset) for s in spans]
    return found


def _beside_each_other(parts: Sequence[Sequence[Span]]) -> list[Span]:
    """Cut wherever one of them is cut; what lies side by side has one range."""
    bounds = sorted({bound for spans in parts for span in spans for bound in (span.start, span.stop)})
    found = []
    for start, stop in pairwise(bounds):
        inside = [s for spans in parts for s in spans if s.start <= start and stop <= s.stop]
        whole = inside[0].values
        for other in inside[1:]:
            whole = whole.union(other.values)
        found.append(Span.of(start, stop, whole, min(s.innermost for s in inside)))
    return found

"""Outputs that one scale does not suit, because their parts differ much in range.

An output has one scale. Where it holds boxes of 640 pixels beside scores of 1, a step is 2.5 and every score is zero.
What its elements hold is looked up where they come from, through the operators that only move values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from dlpuconv_backends.tflite.legalize.edit import fused_activation
from dlpuconv_backends.tflite.numbers import Range
from dlpuconv_backends.tflite.operators import SPECS, data_inputs, is_data

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor

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
        innermost: width of the narrowest tensor that any of it comes from, which a cut along another axis may save.
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
        output: position among the graph's outputs.
        axis: of the output's tensor.
        spans: along that axis, at least two; each gets on with one scale.
        steps: how many of 255 the most starved part gets while they are together.
    """

    output: int
    axis: int
    spans: tuple[Span, ...]
    steps: float

    @property
    def left(self) -> float:
        """How many steps the most starved tensor gets once they are apart."""
        return min(_STEPS * s.innermost / s.values.width for s in self.spans if s.values.width)


def mixed_outputs(graph: Graph, ranges: Mapping[str, Range]) -> list[Mixed]:
    """The outputs whose parts one scale would starve.

    Args:
        graph: float.
        ranges: observed lowest and highest value by tensor name.
    """
    reader = _Reader(graph, ranges)
    found = []
    for index, tensor in enumerate(graph.outputs):
        candidates = [reader.mixed(index, tensor, axis) for axis in range(len(tensor.shape)) if is_data(tensor)]
        starved = [mixed for mixed in candidates if mixed is not None]
        if starved:
            found.append(max(starved, key=lambda mixed: mixed.left))
    return found


def tell_mixed(graph: Graph, mixed: Sequence[Mixed], *, split: bool) -> list[str]:
    """A warning for each such output; to be asked for before they are split.

    Args:
        graph: float.
        mixed: what `mixed_outputs` found in it.
        split: whether they will be.
    """
    told = []
    for found in mixed:
        name = graph.outputs[found.output].name
        ranges = ", ".join(f"{s.values.low:.4g} to {s.values.high:.4g}" for s in found.spans[:_TOLD])
        more = ", ..." if len(found.spans) > _TOLD else ""
        why = (
            f"the output {name!r} joins parts of different ranges ({ranges}{more}), of which one scale would leave the"
            f" narrowest {found.steps:.2g} of {_STEPS} steps"
        )
        parts = f"{len(found.spans)} outputs, {name}_part0 to {name}_part{len(found.spans) - 1}"
        kept = "it is kept whole, as --split-outputs off asks: expect little of that part"
        told.append(f"{why}: {f'it became {parts}; the manifest says how to put them together' if split else kept}")
    return told


def moved(op: Operator | None, axis: int) -> tuple[Tensor, int] | None:
    """The input of a RESHAPE or TRANSPOSE that keeps an axis of its output whole, and that axis of the input."""
    if op is None or op.kind not in ("RESHAPE", "TRANSPOSE") or op.input(0).is_constant:
        return None
    source = op.input(0)
    if op.kind == "TRANSPOSE":
        order = op.input(1).data
        return None if order is None else (source, int(order.reshape(-1)[axis]))
    extent, behind = op.output.shape[axis], math.prod(op.output.shape[axis + 1 :])
    for candidate, same in enumerate(source.shape):
        if same == extent > 1 and math.prod(source.shape[candidate + 1 :]) == behind:
            return source, candidate
    return None


def concat_axis(op: Operator | None) -> int | None:
    """The axis along which a plain CONCATENATION joins; None for anything else."""
    if op is None or op.kind != "CONCATENATION" or fused_activation(op):
        return None
    return int(op.options.axis) % len(op.output.shape)


class _Reader:
    """Finds out what the elements of a tensor hold along an axis."""

    def __init__(self, graph: Graph, ranges: Mapping[str, Range]) -> None:
        self._producers = graph.producers()
        self._ranges = ranges

    def mixed(self, output: int, tensor: Tensor, axis: int) -> Mixed | None:
        """How an output must be cut along this axis, or None where one scale serves all of it."""
        spans = self._spans(tensor, axis)
        whole = spans[0]
        cut = [spans[0]]
        for span in spans[1:]:
            whole = whole.merged(span)
            together = cut[-1].merged(span)
            cut[-1:] = [together] if together.steps >= FEWEST_STEPS else [cut[-1], span]
        return Mixed(output, axis, tuple(cut), whole.steps) if len(cut) > 1 else None

    def _spans(self, tensor: Tensor, axis: int) -> list[Span]:
        op = self._producers.get(tensor)
        joined = concat_axis(op)
        if op is not None and joined is not None:
            parts = [self._spans(t, axis) for t in op.inputs if t is not None]
            return _behind_each_other(parts) if joined == axis else _beside_each_other(parts)
        source = moved(op, axis)
        if source is not None:
            return self._spans(*source)
        return [Span.of(0, tensor.shape[axis], self._values(tensor))]

    def _values(self, tensor: Tensor) -> Range:
        """What a tensor's scale must hold; all of a sigmoid, however few of its values calibration saw."""
        observed: Range | None = None
        sources = [tensor]
        while len(sources) == 1:
            data = sources[0].data
            if data is not None:
                return Range(float(data.min(initial=0.0)), float(data.max(initial=0.0)))
            observed = observed or self._ranges.get(sources[0].name)
            op = self._producers.get(sources[0])
            spec = SPECS.get(op.kind) if op else None
            if spec is not None and spec.fixed is not None:
                return spec.fixed.range
            inputs = [t for _, t in data_inputs(op)] if op and spec is not None and spec.moves else []
            sources = [t for t in inputs if not t.is_constant] or inputs
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

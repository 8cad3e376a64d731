"""Outputs that one scale does not suit, because their parts differ much in range.

An output has one scale. Where it holds boxes of 640 pixels beside scores of 1, a step is 2.5 and every score is zero.
What its elements hold is looked up where they come from, through the operators that only move values.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.ir.affine import INT8
from dlpuconv.ir.strides import Stride
from dlpuconv.network import OutputPiece, Range
from dlpuconv.quantization.lines import LineFinder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.ir.affine import IntegerType
    from dlpuconv.network import Network
    from dlpuconv.quantization.lines import Line

FEWEST_STEPS = 16
"""Of 255: a part whose values span fewer steps of the output's scale is starved."""
_STEPS = 255
_TOLD = 4
_ROUNDS = 3
"""Parts alternate where they follow one another at least so often."""
_MOST = 256
"""Parts of one output that are looked at: more would be of use to nobody."""


@dataclass(frozen=True, slots=True)
class Span:
    """Some slices of an output along one axis.

    Attributes:
        stride: which ones.
        values: what they hold.
        narrowest: width of the narrowest span that was merged into this one; infinite where all are zero throughout.
        innermost: width of the narrowest activation that any of it comes from, which a cut along another axis may save.
    """

    stride: Stride
    values: Range
    narrowest: float
    innermost: float

    @classmethod
    def of(cls, stride: Stride, values: Range, innermost: float) -> Span:
        """One that nothing was merged into."""
        return cls(stride, values, values.width or math.inf, innermost)

    @classmethod
    def merged(cls, spans: Sequence[Span]) -> Span | None:
        """All of them, or None where no stride has just their places, or some would be starved."""
        if _steps(spans) < FEWEST_STEPS:
            return None
        stride = Stride.of(np.sort(np.concatenate([span.stride.places for span in spans])))
        return cls(stride, *_together(spans), min(span.innermost for span in spans)) if stride else None


def _together(spans: Sequence[Span]) -> tuple[Range, float]:
    values = spans[0].values
    for span in spans[1:]:
        values = values.union(span.values)
    return values, min(span.narrowest for span in spans)


def _steps(spans: Sequence[Span]) -> float:
    """How many steps of a scale for all of them the narrowest gets."""
    values, narrowest = _together(spans)
    return _STEPS * narrowest / values.width if values.width else math.inf


@dataclass(frozen=True, slots=True)
class Mixed:
    """An output that one scale does not suit.

    Attributes:
        output: position among the network's outputs.
        axis: of the output.
        spans: along that axis, at least two, by their first places; each gets on with one scale.
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
    lines = LineFinder(network, ranges, codes)
    found = []
    for index, value in enumerate(network.outputs):
        candidates = [
            Mixed(index, axis, tuple(spans), _steps(apart))
            for axis in range(len(value.shape) if value.is_data else 0)
            if 1 < len(spans := _cut(apart := _apart(lines.along(value, axis)))) <= _MOST
        ]
        if candidates:
            found.append(max(candidates, key=lambda mixed: mixed.left))
    return found


def pieces_of(network: Network, mixed: Sequence[Mixed]) -> list[OutputPiece]:
    """What the outputs are to become where each span gets one of its own.

    Args:
        network: float.
        mixed: what `mixed_outputs` found in it.
    """
    spans = {
        found.output: [OutputPiece(found.output, found.axis, *astuple(s.stride)) for s in found.spans]
        for found in mixed
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
        whole = f"it is kept whole, as {kept}: that part will be useless or very coarse"
        told.append(f"{why}: {whole if kept else f'it became {parts}; the manifest says how to put them together'}")
    return told


def _apart(line: Line) -> list[Span]:
    """Spans of one kind each, by their first places; run by run where no stride has all of a kind."""
    found = []
    for number, kind in enumerate(line.kinds):
        places = np.flatnonzero(line.of == number)
        whole = Stride.of(places)
        runs = np.split(places, np.flatnonzero(np.diff(places) != 1) + 1)
        strides = [whole] if whole else [Stride(int(run[0]), int(run[-1]) + 1) for run in runs]
        found += [Span.of(stride, kind.values, kind.innermost) for stride in strides]
    return sorted(found, key=lambda span: span.stride.start)


def neighbours_together(apart: Sequence[Span]) -> list[Span]:
    """Spans with those beside them, as far as one scale serves both."""
    cut = [apart[0]]
    for span in apart[1:]:
        together = Span.merged([cut[-1], span])
        cut[-1:] = [together] if together else [cut[-1], span]
    return cut


def _cut(apart: Sequence[Span]) -> list[Span]:
    """As few spans as get on with one scale each: neighbours together, then those that alternate."""
    cut = neighbours_together(apart)
    rounds: list[list[Span]] = []
    for span in cut if len(cut) <= _MOST else ():
        home = next((spans for spans in rounds if Span.merged([*spans, span])), None)
        if home is None:
            rounds.append([span])
        else:
            home.append(span)
    alternating = [Span.merged(spans) if len(spans) >= _ROUNDS else None for spans in rounds]
    found = [[whole] if whole else spans for whole, spans in zip(alternating, rounds, strict=True)]
    return sorted((span for spans in found for span in spans), key=lambda span: span.stride.start)

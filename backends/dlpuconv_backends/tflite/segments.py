"""Activations that must share one scale, and where a QUANTIZE keeps a range from spreading.

A *segment* is an activation with all that is made of it by operators that only move its codes (RESHAPE, PAD, pools,
slices): it has one scale, and sharing it costs nothing. Operators where several activations meet (CONCATENATION,
MAXIMUM, ...) demand one scale of several segments. They are *joined* where nobody is hurt, because then every producer
writes the shared scale directly and nothing is rounded twice; otherwise the operator reads that segment through a
QUANTIZE:

* two kernels prescribe different scales (LOGISTIC beside TANH), or one prescribes a scale that cannot hold the others'
  values (LOGISTIC beside raw box coordinates);
* a segment with other readers would lose more than `_WORTH_A_QUANTIZE` of its resolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv_backends.tflite.numbers import Parameters, Range
from dlpuconv_backends.tflite.operators import SPECS, Scales, data_inputs, data_outputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor

_WORTH_A_QUANTIZE = 1.5
"""A shared range may be this much wider than one that other operators read, which costs them 3.5 dB."""


@dataclass(eq=False, slots=True)
class Segment:
    """Activations that share one scale because operators only move their codes.

    Attributes:
        members: in graph order; the first one is computed, the others are made of it.
        values: what the scale must hold.
        fixed: the parameters that a kernel or an input prescribes.
        shared: True when somebody reads it who is no join: other operators, or the user.
    """

    members: list[Tensor]
    values: Range
    fixed: Parameters | None = None
    shared: bool = False


@dataclass(eq=False, slots=True)
class Group:
    """Segments that were joined.

    Attributes:
        segments: at least one.
        values: what the shared scale must hold.
        fixed: the prescribed parameters, if any.
    """

    segments: list[Segment]
    values: Range
    fixed: Parameters | None

    @property
    def parameters(self) -> Parameters:
        """Of all the group's activations."""
        return self.fixed or Parameters.covering(self.values)


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which activations share a scale.

    Attributes:
        group: by activation.
        cut: inputs that an operator must read through a QUANTIZE, by operator and input index.
    """

    group: Mapping[Tensor, Group]
    cut: tuple[tuple[Operator, int], ...]


def is_join(op: Operator) -> bool:
    """True where several activations meet in one scale."""
    spec = SPECS.get(op.kind)
    return spec is not None and spec.scales is Scales.SAME and len(set(_activations(op))) > 1


def group(
    graph: Graph,
    values: Mapping[Tensor, Range],
    prescribed: Mapping[Tensor, Parameters],
    keeping: AbstractSet[Operator],
) -> Grouping:
    """Find the activations that share a scale.

    Args:
        graph: the float graph.
        values: what each activation's scale must hold, where it is not fixed.
        prescribed: parameters of inputs and of outputs with a fixed scale.
        keeping: operators whose outputs keep their input's scale.
    """
    segments = _segments(graph, values, prescribed, keeping)
    groups = {s: Group([s], s.values, s.fixed) for s in dict.fromkeys(segments.values())}
    joins = [op for op in graph.operators if is_join(op)]
    # Prescribed scales come last: only when all that has a choice is together is it known whether one fits.
    for prescribed_too in (False, True):
        for op in joins:
            for tensor in _activations(op):
                _join(groups, segments[tensor], segments[op.output], prescribed_too=prescribed_too)
    cut = [
        (op, i)
        for op in joins
        for i, t in data_inputs(op)
        if not t.is_constant and groups[segments[t]] is not groups[segments[op.output]]
    ]
    return Grouping({t: groups[s] for t, s in segments.items()}, tuple(cut))


def _segments(
    graph: Graph,
    values: Mapping[Tensor, Range],
    prescribed: Mapping[Tensor, Parameters],
    keeping: AbstractSet[Operator],
) -> dict[Tensor, Segment]:
    found: dict[Tensor, Segment] = {}
    for tensor in graph.inputs:
        if tensor in values or tensor in prescribed:
            found[tensor] = _begin(tensor, values, prescribed)
    for op in graph.operators:
        inputs = _activations(op)
        for out in data_outputs(op):
            if op in keeping and not is_join(op) and inputs and out not in prescribed:
                segment = found[inputs[0]]
                segment.members.append(out)
                if segment.fixed is None and out in values:
                    segment.values = segment.values.union(values[out])
            else:
                segment = _begin(out, values, prescribed)
            found[out] = segment
        if not (is_join(op) or op in keeping):
            _mark_shared(found, inputs)
    _mark_shared(found, graph.outputs)
    return found


def _begin(tensor: Tensor, values: Mapping[Tensor, Range], prescribed: Mapping[Tensor, Parameters]) -> Segment:
    fixed = prescribed.get(tensor)
    return Segment([tensor], fixed.range if fixed else values[tensor], fixed)


def _mark_shared(segments: Mapping[Tensor, Segment], tensors: Iterable[Tensor]) -> None:
    for tensor in tensors:
        if tensor in segments:
            segments[tensor].shared = True


def _activations(op: Operator) -> list[Tensor]:
    return [t for _, t in data_inputs(op) if not t.is_constant]


def _join(groups: dict[Segment, Group], one: Segment, other: Segment, *, prescribed_too: bool) -> None:
    """Let the groups of two segments become one, unless that hurts somebody."""
    a, b = groups[one], groups[other]
    if a is b:
        return
    fixed = {g.fixed for g in (a, b) if g.fixed}
    if len(fixed) > prescribed_too:
        return
    merged = Group([*a.segments, *b.segments], a.values.union(b.values), next(iter(fixed), None))
    if merged.fixed and not _holds(merged.fixed, merged):
        return
    width = merged.parameters.range.width
    if any(s.shared and not s.fixed and width > _WORTH_A_QUANTIZE * s.values.width > 0 for s in merged.segments):
        return
    groups.update(dict.fromkeys(merged.segments, merged))


def _holds(fixed: Parameters, merged: Group) -> bool:
    """True when the prescribed scale holds the others' values, and does not waste most of its codes on them."""
    free = [s.values for s in merged.segments if not s.fixed]
    if not free:
        return True
    needed = free[0]
    for other in free[1:]:
        needed = needed.union(other)
    # a SOFTMAX's 1.0 is one step outside of its own prescribed range, so one step is no loss
    return needed.within(fixed.range, slack=fixed.scale) and fixed.range.width <= _WORTH_A_QUANTIZE * needed.width

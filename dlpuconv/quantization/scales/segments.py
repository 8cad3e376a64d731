"""Activations that must share one scale, and where values are given another scale to keep a range from spreading.

A *segment* is an activation with all that is made of it by nodes that only move its codes (reshapes, padding, pools,
slices): it has one scale, and sharing it costs nothing. Nodes where several activations meet (concatenations, maxima,
...) demand one scale of several segments. They are *joined* where nobody is hurt, because then every producer writes
the shared scale directly and nothing is rounded twice; otherwise the node reads that segment requantized:

* two kernels prescribe different scales (sigmoid beside tanh), or one prescribes a scale that cannot hold the others'
  values (sigmoid beside raw box coordinates);
* a segment with other readers would lose more than `_WORTH_A_QUANTIZE` of its resolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from dlpuconv.network import Range, Scales
from dlpuconv.quantization.scales.choice import centered, covering, range_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from dlpuconv.ir.affine import Affine
    from dlpuconv.network import Network, Node, Value
    from dlpuconv.scheme import Coding

    type Ranges = Mapping[Value, Range]
    type Prescribed = Mapping[Value, Affine]

_WORTH_A_QUANTIZE = 1.5
"""A shared range may be this much wider than one that other operators read, which costs them 3.5 dB."""


@dataclass(eq=False, slots=True)
class Segment:
    """Activations that share one scale because nodes only move their codes.

    Attributes:
        values: what the scale must hold.
        fixed: the scale that a kernel or an input prescribes.
        shared: True when somebody reads it who is no join: other nodes, or the user.
        centered: True when somebody reads it who wants the zero point in the middle of the codes.
    """

    values: Range
    fixed: Affine | None = None
    shared: bool = False
    centered: bool = False


@dataclass(eq=False, slots=True)
class Group:
    """Segments that were joined.

    Attributes:
        segments: at least one.
        values: what the shared scale must hold.
        fixed: the prescribed scale, if any.
    """

    segments: list[Segment]
    values: Range
    fixed: Affine | None

    def affine(self, coding: Coding) -> Affine:
        """The scale and zero point of all activations of the group."""
        return self.fixed or covering(self.values, centered(coding) if self._is_centered else coding)

    @property
    def _is_centered(self) -> bool:
        return any(segment.centered for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which activations share a scale.

    Attributes:
        group: by activation.
        cut: inputs that a node must read requantized, by node and input index.
    """

    group: Mapping[Value, Group]
    cut: tuple[tuple[Node, int], ...]

    def free(self) -> Iterator[tuple[Value, ...]]:
        """The activations of each group that nothing prescribes a scale of."""
        members: dict[Group, list[Value]] = {}
        for value, found in self.group.items():
            members.setdefault(found, []).append(value)
        return (tuple(values) for found, values in members.items() if found.fixed is None)


def is_join(node: Node) -> bool:
    """True where several activations meet in one scale."""
    return node.meaning.scales is Scales.SAME and len(set(node.data_activations)) > 1


def group(
    network: Network, values: Ranges, prescribed: Prescribed, keeping: AbstractSet[Node], coding: Coding
) -> Grouping:
    """Find the activations that share a scale.

    Args:
        network: float.
        values: what each activation's scale must hold, where it is not fixed.
        prescribed: scales of inputs, and of outputs whose kernel knows but one.
        keeping: nodes whose outputs keep their input's scale.
        coding: of activations.
    """
    segments = _segments(network, values, prescribed, keeping, coding)
    groups = {s: Group([s], s.values, s.fixed) for s in dict.fromkeys(segments.values())}
    joins = [node for node in network.nodes if is_join(node)]
    # Prescribed scales come last: only when all that has a choice is together is it known whether one fits.
    for prescribed_too in (False, True):
        for node in joins:
            for value in node.data_activations:
                _join(groups, (segments[value], segments[node.output]), coding, prescribed_too=prescribed_too)
    cut = [
        (node, i)
        for node in network.nodes
        if node.meaning.scales is Scales.SAME and node.data_outputs
        for i, v in node.data_inputs
        if not v.is_constant and groups[segments[v]] is not groups[segments[node.output]]
    ]
    return Grouping({v: groups[s] for v, s in segments.items()}, tuple(cut))


def _segments(
    network: Network, values: Ranges, prescribed: Prescribed, keeping: AbstractSet[Node], coding: Coding
) -> dict[Value, Segment]:
    def begin(value: Value) -> Segment:
        fixed = prescribed.get(value)
        return Segment(range_of(fixed, coding.type) if fixed else values[value], fixed)

    found = {v: begin(v) for v in network.inputs if v in values or v in prescribed}
    for node in network.nodes:
        inputs = node.data_activations
        kept = node in keeping and inputs and not is_join(node)
        segment = found[inputs[0]] if kept else None
        for out in node.data_outputs:
            if segment is None or not _may_hold(segment, prescribed.get(out)):
                found[out] = begin(out)
                segment = found[out] if kept else None  # several outputs of a node share one scale
                continue
            if out in prescribed:
                segment.fixed, segment.values = prescribed[out], range_of(prescribed[out], coding.type)
            elif segment.fixed is None and out in values:
                segment.values = segment.values.union(values[out])
            found[out] = segment
        if not (is_join(node) or node in keeping):
            _mark_shared(found, inputs)
        for value in (node.input(index) for index in node.meaning.centered):
            if value in found:
                found[value].centered = True
    _mark_shared(found, network.outputs)
    return found


def _may_hold(segment: Segment, fixed: Affine | None) -> bool:
    """Whether a value of this prescribed scale may share the segment's."""
    return fixed is None or segment.fixed is None or segment.fixed == fixed


def _mark_shared(segments: Mapping[Value, Segment], values: Iterable[Value]) -> None:
    for value in values:
        if value in segments:
            segments[value].shared = True


def _join(groups: dict[Segment, Group], both: tuple[Segment, Segment], coding: Coding, *, prescribed_too: bool) -> None:
    """Let the groups of two segments become one, unless that hurts somebody."""
    a, b = (groups[segment] for segment in both)
    if a is b:
        return
    fixed = {g.fixed for g in (a, b) if g.fixed}
    if len(fixed) > prescribed_too:
        return
    merged = Group([*a.segments, *b.segments], a.values.union(b.values), next(iter(fixed), None))
    if merged.fixed and not _holds(merged.fixed, merged, coding):
        return
    width = range_of(merged.affine(coding), coding.type).width
    if any(s.shared and not s.fixed and width > _WORTH_A_QUANTIZE * s.values.width > 0 for s in merged.segments):
        return
    groups.update(dict.fromkeys(merged.segments, merged))


def _holds(fixed: Affine, merged: Group, coding: Coding) -> bool:
    """True when the prescribed scale holds the others' values, and does not waste most of its codes on them."""
    free = [s.values for s in merged.segments if not s.fixed]
    if not free:
        return True
    needed, held = reduce(Range.union, free), range_of(fixed, coding.type)
    # a softmax's 1.0 is one step outside of its own prescribed range, so one step is no loss
    return needed.within(held, slack=fixed.scale) and held.width <= _WORTH_A_QUANTIZE * needed.width

"""A lowered graph beside its source, part by part: each is given ONNX Runtime's values, and what it makes is compared.

    source:   x ─▶ A ─▶ a ─▶ B ─▶ b ─▶ C ─▶ y      ONNX Runtime's values: x, a, b, y
    lowered:  x ─▶ A' ─▶ a'    a ─▶ B' ─▶ b'    b ─▶ C' ─▶ y'

The error of one part does not reach the next, so a network that makes much of a little rounding is judged as sharply
as any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from dlpuconv.plugin.onnx import OrtRunner, with_outputs
from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor
from dlpuconv_backends.lowering.measure import agree, permuted, run_graph
from dlpuconv_backends.lowering.views import View, view_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from dlpuconv.plugin.onnx import Split
    from dlpuconv_backends.lowering.measure import Array, Arrays, Permutation
    from dlpuconv_backends.lowering.proof import Proof

type Taps = Mapping[Tensor, View]
"""How tensors hold the values that the source has, too."""

_MOST_BYTES = 1 << 27
"""Of the values that are compared at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A lowered graph that may not compute what its source computes.

    Attributes:
        graph: it is not changed.
        source: what it was made from.
        proof: of it, with the sample on which it fell short.
        inputs: axis i of the graph's input is axis permutation[i] of the source's.
        outputs: likewise.
    """

    graph: Graph
    source: Split
    proof: Proof
    inputs: Mapping[str, Permutation]
    outputs: Mapping[str, Permutation]

    @property
    def feed(self) -> Arrays:
        """The sample as the graph takes it."""
        return permuted(self.proof.sample, self.inputs)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What makes one value.

    Attributes:
        operators: all of them.
        inside: activations that they make for themselves.
        reads: taps that they begin at.
    """

    operators: frozenset[Operator]
    inside: frozenset[Tensor]
    reads: frozenset[Tensor]


class Beside:
    """Both networks.

    Attributes:
        taps: how a tensor holds a value, as far as that can be told from numbers; of the graph's outputs, as it should,
            for those of the right shape.
    """

    def __init__(self, suspect: Suspect) -> None:
        self._suspect = suspect
        self._makers = suspect.graph.producers()
        known = {name for node in suspect.source.proto.graph.node for name in node.output}
        named = {t: name for t in self._makers for name in t.source_names[-1:] if name in known}
        self.taps: Taps = {t: view for some in _windows(named) for t, view in self._seen(some, named)}

    def part(self, tap: Tensor, taps: Collection[Tensor]) -> Stretch:
        """What makes a value of those at other taps."""
        operators: set[Operator] = set()
        inside: set[Tensor] = set()
        reads: set[Tensor] = set()
        ahead = [tap]
        while ahead:
            op = self._makers.get(ahead.pop())
            if op is None or op in operators:
                continue
            operators.add(op)
            read = {t for t in op.inputs if t in self._makers}
            reads |= {t for t in read if t in taps}
            ahead += [t for t in read if t not in taps]
            inside |= {t for t in read if t not in taps}
        return Stretch(frozenset(operators), frozenset(inside), frozenset(reads))

    def wrong(self, taps: Taps, judged: Iterable[Tensor] | None = None) -> frozenset[Tensor]:
        """Which values come out wrong, though the parts that make them are given the right ones.

        Args:
            taps: where the parts begin and end.
            judged: those that matter; None: all.
        """
        graph = self._suspect.graph
        found: set[Tensor] = set()
        for some in _windows(taps if judged is None else judged):
            parts = [self.part(t, taps) for t in some]
            operators = {op for part in parts for op in part.operators}
            given = {t: Tensor(f"{t.name}/given", t.shape, t.dtype) for part in parts for t in part.reads}
            running = [_reading(op, given) for op in graph.operators if op in operators]
            values = self._expected({t: taps[t] for t in (*some, *given)})
            feed = {**self._suspect.feed, **{new.name: values[t] for t, new in given.items()}}
            made = run_graph(Graph([*graph.inputs, *given.values()], some, running), feed)
            found.update(t for t in some if not agree(values[t], made[t.name]))
        return frozenset(found)

    def _seen(self, tensors: list[Tensor], names: Mapping[Tensor, str]) -> Iterator[tuple[Tensor, View]]:
        graph, outputs = self._suspect.graph, self._suspect.outputs
        values = self._source({names[t] for t in tensors})
        made = run_graph(Graph(graph.inputs, tensors, graph.operators), self._suspect.feed)
        for t in tensors:
            value, found = values[names[t]], made[t.name]
            view = view_of(names[t], value, found)
            if t in graph.outputs:
                stated = tuple(value.shape[axis] for axis in outputs[t.name])
                view = (
                    View(names[t], outputs[t.name], found.shape) if found.shape == stated or value.size == 1 else None
                )
            if view is not None:
                yield t, view

    def _expected(self, taps: Taps) -> dict[Tensor, Array]:
        values = self._source({view.name for view in taps.values()})
        return {t: view.of(values[view.name]).astype(t.dtype) for t, view in taps.items()}

    def _source(self, names: Collection[str]) -> Arrays:
        model = with_outputs(self._suspect.source, sorted(names))
        return OrtRunner(model, optimize=False).run(self._suspect.proof.sample)


def _reading(op: Operator, given: Mapping[Tensor, Tensor]) -> Operator:
    """The operator, which reads what it is given."""
    inputs = [t if t is None else given.get(t, t) for t in op.inputs]
    return Operator(op.kind, inputs, op.outputs, op.options, op.source_name)


def _windows(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """The tensors in lots that may be compared at once."""
    window: list[Tensor] = []
    size = 0
    for tensor in tensors:
        more = prod(tensor.shape) * tensor.dtype.itemsize
        if window and size + more > _MOST_BYTES:
            yield window
            window, size = [], 0
        window.append(tensor)
        size += more
    if window:
        yield window

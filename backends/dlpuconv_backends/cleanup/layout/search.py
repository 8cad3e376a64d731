"""Chooses labels so that as few values as possible have to be moved.

Every operator starts with the labels that it was lowered with; each TRANSPOSE of the graph then is a value that is
wanted in another order than it is stored in. A move takes one such place, gives the operator at one end of it
the labels that the other end wants, and lets its neighbours follow, one after the other, as long as they can. Of
that growing region the best beginning is kept if it lowers the cost.
"""

from __future__ import annotations

from collections import deque
from math import prod
from typing import TYPE_CHECKING

from dlpuconv_backends.cleanup.layout.labels import Label, channels_last, identity, moves_data
from dlpuconv_backends.cleanup.layout.ports import OFFERS, Ports, default

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor

_RESHAPE_COST = 0.01  # moving axes of extent 1 costs an operator, but no data
_ELEMENT_COST = 1e-7  # of two ways with as many moves, the one with the smaller tensors
_IMPROVEMENT = 1e-9
_ROUNDS = 20


class Search:
    """The labels of a graph while they are being chosen.

    Attributes:
        ports: labels by operator.
    """

    def __init__(self, graph: Graph, source_transposes: frozenset[str]) -> None:
        self.graph = graph
        self.ports: dict[Operator, Ports] = {op: default(op) for op in graph.operators}
        self._producers = graph.producers()
        self._consumers = graph.consumers()
        self._free: dict[Tensor, tuple[Label, ...]] = {
            t: self._free_labels(t, source_transposes) for t in graph.outputs
        }
        activations = [t for t in graph.tensors() if not t.is_constant]
        self._costs = {t: self._cost(t) for t in activations}

    def run(self) -> None:
        """Improve until no move does."""
        for _ in range(_ROUNDS):
            if not sum(self._improve(tensor) for tensor in list(self._costs)):
                return

    def stored(self, tensor: Tensor) -> Label:
        """The label that the producer gives a tensor."""
        producer = self._producers.get(tensor)
        if producer is None:
            return identity(len(tensor.shape))
        return self.ports[producer].outputs[producer.outputs.index(tensor)]

    def wanted(self, tensor: Tensor) -> dict[Label, list[Operator]]:
        """Who wants a tensor with which label; consumers that disagree with themselves are listed twice."""
        readers: dict[Label, list[Operator]] = {}
        for op in self._consumers.get(tensor, ()):
            for index, source in enumerate(op.inputs):
                label = self.ports[op].inputs[index]
                if source is tensor and label is not None:
                    readers.setdefault(label, []).append(op)
        return readers

    def output_label(self, tensor: Tensor) -> Label:
        """How an output of the graph is delivered: as it is stored where that is a usual layout."""
        stored = self.stored(tensor)
        return stored if stored in self._free[tensor] else identity(len(tensor.shape))

    def _free_labels(self, tensor: Tensor, source_transposes: frozenset[str]) -> tuple[Label, ...]:
        rank = len(tensor.shape)
        producer = self._producers.get(tensor)
        genuine = producer is not None and producer.kind == "TRANSPOSE" and producer.source_name in source_transposes
        return (identity(rank),) if genuine else (identity(rank), channels_last(rank))

    def _cost(self, tensor: Tensor) -> float:
        stored = self.stored(tensor)
        labels = set(self.wanted(tensor))
        if tensor in self._free:
            labels.add(self.output_label(tensor))
        return sum(_move_cost(tensor, stored, label) for label in labels)

    def _improve(self, tensor: Tensor) -> int:
        """Try every move that would satisfy a consumer of this tensor; how many helped."""
        done = 0
        stored = self.stored(tensor)
        for label, readers in self.wanted(tensor).items():
            if label == stored:
                continue
            producer = self._producers.get(tensor)
            starts = [(op, op.inputs.index(tensor), stored) for op in dict.fromkeys(readers)]
            if producer is not None:
                starts.append((producer, -1 - producer.outputs.index(tensor), label))
            for op, port, wish in starts:
                if self.ports[op].at(port) != wish and any(self._grow(op, o) for o in _offers(op, port, wish)):
                    done += 1
                    break
        return done

    def _grow(self, seed: Operator, ports: Ports) -> bool:
        """Grow a region from one operator; keep its best beginning if that is an improvement."""
        undo: list[tuple[Operator, Ports]] = []
        seen = {seed}
        queue: deque[tuple[Operator, Ports]] = deque([(seed, ports)])
        total, best, length = 0.0, -_IMPROVEMENT, 0
        while queue:
            op, chosen = queue.popleft()
            undo.append((op, self.ports[op]))
            total += self._set(op, chosen)
            if total < best:
                best, length = total, len(undo)
            for neighbour, port, label in self._disagreeing(op):
                if neighbour not in seen and (offers := _offers(neighbour, port, label)):
                    seen.add(neighbour)
                    queue.append((neighbour, offers[0]))
        for op, old in reversed(undo[length:]):
            self._set(op, old)
        return length > 0

    def _set(self, op: Operator, ports: Ports) -> float:
        """Give an operator labels; by how much the cost grows."""
        touched = dict.fromkeys(t for t in (*op.inputs, *op.outputs) if t is not None and not t.is_constant)
        before = sum(self._costs[t] for t in touched)
        self.ports[op] = ports
        self._costs.update((t, self._cost(t)) for t in touched)
        return sum(self._costs[t] for t in touched) - before

    def _disagreeing(self, op: Operator) -> Iterator[tuple[Operator, int, Label]]:
        """Neighbours, their ports, and the labels that would make them agree with this operator."""
        ports = self.ports[op]
        for index, tensor in enumerate(op.inputs):
            label = ports.inputs[index]
            producer = self._producers.get(tensor) if tensor is not None else None
            if producer is not None and tensor is not None and label is not None:
                port = -1 - producer.outputs.index(tensor)
                if self.ports[producer].at(port) != label:
                    yield producer, port, label
        for tensor, label in zip(op.outputs, ports.outputs, strict=True):
            for reader in self._consumers.get(tensor, ()):
                port = reader.inputs.index(tensor)
                if self.ports[reader].at(port) != label:
                    yield reader, port, label


def _offers(op: Operator, port: int, label: Label) -> list[Ports]:
    offer = OFFERS.get(op.kind)
    return offer(op, port, label) if offer else []


def _move_cost(tensor: Tensor, stored: Label, wanted: Label) -> float:
    if stored == wanted:
        return 0.0
    if not moves_data(tensor.shape, stored, wanted):
        return _RESHAPE_COST
    return 1.0 + prod(tensor.shape) * _ELEMENT_COST

"""Who makes and who reads each tensor of a graph, as of when it was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor


class Uses:
    """A snapshot: take a new one after the graph has changed in another way than these methods are told of."""

    def __init__(self, graph: Graph) -> None:
        self._producers = graph.producers()
        self._consumers = graph.consumers()
        self._outputs = set(graph.outputs)

    def producer(self, tensor: Tensor | None) -> Operator | None:
        """Who makes this tensor; None for inputs of the graph and constants."""
        return None if tensor is None else self._producers.get(tensor)

    def consumers(self, tensor: Tensor) -> list[Operator]:
        """Who reads this tensor."""
        return self._consumers.get(tensor, [])

    def sole_consumer(self, tensor: Tensor) -> Operator | None:
        """The only one who reads this tensor, provided that it is no output of the graph."""
        readers = self.consumers(tensor)
        return readers[0] if len(readers) == 1 and tensor not in self._outputs else None

    def sole_producer(self, tensor: Tensor | None) -> Operator | None:
        """Who makes this tensor for one reader alone."""
        return self.producer(tensor) if tensor is not None and self.sole_consumer(tensor) is not None else None

    def absorbed(self, op: Operator, maker: Operator) -> None:
        """An operator is gone: who made its input for it alone makes its output instead."""
        self._producers.pop(op.input(0), None)
        self._consumers.pop(op.input(0), None)
        self._producers[op.output] = maker

    def is_output(self, tensor: Tensor) -> bool:
        """True for an output of the graph."""
        return tensor in self._outputs

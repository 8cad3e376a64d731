"""Transposes disappear: the axes of each value are stored in the order that its neighbours want.

    CONV_2D -> TRANSPOSE -> RELU -> TRANSPOSE -> CONV_2D   becomes   CONV_2D -> RELU -> CONV_2D

Lowering puts a TRANSPOSE around everything that TFLite wants with channels last. Here every value gets a label (the
order in which its axes are stored), chosen so that as few values as possible must be moved; then operators are
rewritten for their labels, all TRANSPOSEs go, and moves are put where labels still differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv_backends.cleanup.layout.labels import Label, moves_data, permuted, step
from dlpuconv_backends.cleanup.layout.restore import relabel
from dlpuconv_backends.cleanup.layout.search import Search
from dlpuconv_backends.flatbuffer.build import reshape, transpose

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor


def choose_layouts(graph: Graph, source_transposes: frozenset[str]) -> list[Label]:
    """Remove every TRANSPOSE that the order of axes can express, in place.

    Args:
        graph: constants known, operands of elementwise operators of one rank.
        source_transposes: names of nodes whose TRANSPOSE is the source model's own: it is not folded into an output.

    Returns:
        How each output is stored, relative to before.
    """
    search = Search(graph, source_transposes)
    search.run()
    return _Rewriter(graph, search).run()


class _Rewriter:
    """Carries out what a search chose."""

    def __init__(self, graph: Graph, search: Search) -> None:
        self._graph = graph
        self._search = search
        self._shapes = {t: t.shape for t in graph.tensors()}
        self._stored = {t: search.stored(t) for t in graph.tensors() if not t.is_constant}
        self._alias: dict[Tensor, Tensor] = {}
        self._moved: dict[tuple[Tensor, Label], Tensor] = {}
        self._operators: list[Operator] = []

    def run(self) -> list[Label]:
        """Rewrite the graph; labels of its outputs."""
        for op in self._graph.operators:
            ports = self._search.ports[op]
            if op.kind == "TRANSPOSE" and ports.inputs[0] is not None:
                self._dissolve(op, ports.inputs[0])
                continue
            relabel(op, ports)
            op.inputs = [
                t if t is None or label is None else self._as(t, label, op.source_name)
                for t, label in zip(op.inputs, (*ports.inputs, *(None,) * len(op.inputs)), strict=False)
            ]
            for tensor in op.outputs:
                tensor.shape = permuted(self._shapes[tensor], self._stored[tensor])
            self._operators.append(op)
        labels = [self._search.output_label(t) for t in self._graph.outputs]
        makers = {t: op.source_name for op in self._graph.operators for t in op.outputs}
        outputs = zip(self._graph.outputs, labels, strict=True)
        self._graph.outputs = [self._as(t, label, makers.get(t, "")) for t, label in outputs]
        self._graph.operators = self._operators
        return labels

    def _dissolve(self, op: Operator, wanted: Label) -> None:
        """Let the TRANSPOSE's output be its input, stored so that they are the same."""
        source = self._as(op.input(0), wanted, op.source_name)
        names = (*source.source_names, *op.output.source_names)
        source.source_names = tuple(dict.fromkeys(names))
        self._alias[op.output] = source

    def _as(self, tensor: Tensor, label: Label, source_name: str) -> Tensor:
        """The tensor that holds a value of the old graph under this label; it is moved if need be, for this node."""
        if tensor.is_constant:
            return tensor  # an output that is a constant: nobody stores it in an order of its own
        physical = self._alias.get(tensor, tensor)
        stored = self._stored[tensor]
        if stored == label:
            return physical
        if (tensor, label) not in self._moved:
            shape = self._shapes[tensor]
            if moves_data(shape, stored, label):
                move = transpose(physical, step(stored, label))
            else:
                move = reshape(physical, permuted(shape, label))
            move.source_name = source_name
            self._operators.append(move)
            self._moved[tensor, label] = move.output
        return self._moved[tensor, label]


__all__ = ["choose_layouts"]

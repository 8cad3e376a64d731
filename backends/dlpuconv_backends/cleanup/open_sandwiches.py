"""RESHAPE(f(RESHAPE(x))) -> f(x), where f works element by element with scalars and x has its shape back at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv_backends.cleanup.layout.ports import ELEMENTWISE
from dlpuconv_backends.cleanup.uses import Uses

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor


def open_sandwiches(graph: Graph) -> int:
    """Rewrite in place; how many pairs of RESHAPEs went."""
    opened = 0
    uses = Uses(graph)
    for op in list(graph.operators):
        if op.kind != "RESHAPE":
            continue
        filling = _filling(op, uses)
        bread = uses.producer(_activation(filling[0])) if filling else None
        if bread is None or bread.kind != "RESHAPE" or bread.input(0).shape != op.output.shape:
            continue
        filling[0].inputs = [bread.input(0) if t is bread.output else t for t in filling[0].inputs]
        for inner in filling:
            inner.output.shape = op.output.shape
        filling[-1].outputs[0] = op.output
        graph.remove([op])
        uses = Uses(graph)
        opened += 1
    return opened


def _filling(op: Operator, uses: Uses) -> list[Operator]:
    """The chain of operators in front of a RESHAPE that do not care for the shape, each read by the next alone."""
    chain: list[Operator] = []
    before = uses.sole_producer(op.input(0))
    while before is not None and before.kind in ELEMENTWISE and _activation(before) is not None:
        chain.insert(0, before)
        before = uses.sole_producer(_activation(before))
    return chain


def _activation(op: Operator) -> Tensor | None:
    """The only activation that an operator reads (perhaps twice), if all else is scalar and its shape is kept."""
    activations = {t for t in op.inputs if t is not None and not t.is_constant}
    scalars = all(t is None or t.data is None or t.data.size == 1 for t in op.inputs)
    only = next(iter(activations)) if len(activations) == 1 else None
    return only if only is not None and scalars and only.shape == op.output.shape else None

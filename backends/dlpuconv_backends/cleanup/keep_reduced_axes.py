"""RESHAPE(MEAN(x)) that only adds or drops the axes of extent 1 -> MEAN(x) with the other `keep_dims`."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from dlpuconv_backends.cleanup.constants import constant_input, ints
from dlpuconv_backends.cleanup.uses import Uses

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph, Operator

_REDUCTIONS = frozenset(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"))


def keep_reduced_axes(graph: Graph) -> int:
    """Rewrite in place; how many RESHAPEs went."""
    uses = Uses(graph)
    gone: list[Operator] = []
    for op in graph.operators:
        before = uses.sole_producer(op.input(0)) if op.kind == "RESHAPE" else None
        if before is None or before.kind not in _REDUCTIONS or constant_input(before, 1) is None:
            continue
        shape = before.input(0).shape
        axes = {axis % len(shape) for axis in ints(before.input(1))}
        kept = tuple(1 if i in axes else extent for i, extent in enumerate(shape))
        dropped = tuple(extent for i, extent in enumerate(shape) if i not in axes)
        if op.output.shape not in (kept, dropped):
            continue
        before.options = copy.copy(before.options)
        before.options.keepDims = op.output.shape == kept
        before.outputs[0] = op.output
        gone.append(op)
    graph.remove(gone)
    return len(gone)

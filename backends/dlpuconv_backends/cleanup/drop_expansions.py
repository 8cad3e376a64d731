"""An expansion (MUL by ones, BROADCAST_TO) whose readers broadcast by themselves -> (nothing)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv_backends.cleanup.constants import constant_input
from dlpuconv_backends.cleanup.uses import Uses

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor

_BROADCASTING = frozenset(("ADD", "SUB", "MUL", "DIV"))


def drop_expansions(graph: Graph) -> int:
    """Rewrite in place; how many readers were changed. What nobody reads any more is left for `drop_dead`."""
    uses = Uses(graph)
    changed = 0
    for op in graph.operators:
        source = _expanded(op)
        if source is None or len(source.shape) != len(op.output.shape):
            continue
        for reader in uses.consumers(op.output):
            others = [t.shape for t in reader.inputs if t is not None and t is not op.output]
            if reader.kind in _BROADCASTING and others == [reader.output.shape]:
                reader.inputs = [source if t is op.output else t for t in reader.inputs]
                changed += 1
    return changed


def _expanded(op: Operator) -> Tensor | None:
    """What the operator repeats along axes of extent 1."""
    if op.kind == "BROADCAST_TO":
        return op.input(0) if not op.input(0).is_constant else None
    if op.kind != "MUL" or op.options.fusedActivationFunction:
        return None
    for index in (0, 1):
        ones = constant_input(op, index)
        if ones is not None and ones.dtype.kind == "f" and bool(np.all(ones == 1.0)):
            return op.input(1 - index)
    return None

"""PADV2(x, lowest float) before MAX_POOL_2D, x >= 0 -> PAD(x): a maximum does not care, a quantized range does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.constants import scalar
from dlpuconv_backends.cleanup.fold_pads import is_non_negative
from dlpuconv_backends.cleanup.uses import Uses

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph

_VERY_LOW = -1e30


def zero_for_lowest(graph: Graph) -> int:
    """Rewrite in place; how many operators changed."""
    uses = Uses(graph)
    changed = 0
    for op in graph.operators:
        if op.kind != "PADV2" or len(op.inputs) < 3:
            continue
        value = scalar(op.inputs[2])
        readers = uses.consumers(op.output)
        pooled = bool(readers) and all(r.kind == "MAX_POOL_2D" for r in readers) and not uses.is_output(op.output)
        zero = value == 0.0
        if zero or (pooled and value is not None and value <= _VERY_LOW and is_non_negative(op.input(0), uses)):
            op.kind, op.inputs, op.options = "PAD", op.inputs[:2], schema.PadOptionsT()
            changed += 1
    return changed

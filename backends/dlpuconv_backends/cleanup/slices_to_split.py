"""SLICEs that cut an axis into equal parts -> SPLIT."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.constants import constant_input, ints
from dlpuconv_backends.cleanup.uses import Uses
from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph


def slices_to_split(graph: Graph) -> int:
    """Rewrite in place; how many SPLITs were made."""
    uses = Uses(graph)
    made = 0
    for tensor in graph.tensors():
        cuts = [op for op in uses.consumers(tensor) if op.inputs[0] is tensor and _cut(op) is not None]
        by_axis: dict[int, list[Operator]] = {}
        for op in cuts:
            axis, _ = _cut(op) or (0, 0)
            by_axis.setdefault(axis, []).append(op)
        for axis, parts in by_axis.items():
            made += _split(graph, tensor, axis, parts)
    return made


def _cut(op: Operator) -> tuple[int, int] | None:
    """The only axis that a SLICE cuts, and where its part begins."""
    if op.kind != "SLICE" or constant_input(op, 1) is None or constant_input(op, 2) is None:
        return None
    axes = [i for i, (a, b) in enumerate(zip(op.input(0).shape, op.output.shape, strict=True)) if a != b]
    return (axes[0], ints(op.input(1))[axes[0]]) if len(axes) == 1 else None


def _split(graph: Graph, tensor: Tensor, axis: int, parts: list[Operator]) -> bool:
    extent = parts[0].output.shape[axis]
    count = tensor.shape[axis] // extent
    begins = {ints(op.input(1))[axis]: op for op in parts}
    if count < 2 or len(parts) != count or sorted(begins) != list(range(0, tensor.shape[axis], extent)):
        return False
    if any(op.output.shape[axis] != extent for op in parts):
        return False
    options = schema.SplitOptionsT()
    options.numSplits = count
    first = begins[0]
    where = Tensor.constant(f"{first.output.name}/axis", np.array(axis, np.int32))
    split = Operator(
        "SPLIT", [where, tensor], [begins[b].output for b in sorted(begins)], options, source_name=first.source_name
    )
    at = min(graph.operators.index(op) for op in parts)
    graph.operators.insert(at, split)
    graph.remove(parts)
    return True

"""SQUEEZE, EXPAND_DIMS -> RESHAPE; GATHER of one index -> SLICE + RESHAPE; broadcasting spelled out by RESHAPE.

Fewer kinds of operators, and elementwise operators whose activations have one rank: what the search for layouts needs.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.constants import constant_input
from dlpuconv_backends.cleanup.layout.ports import ELEMENTWISE
from dlpuconv_backends.flatbuffer.build import reshape
from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor


def canonicalize(graph: Graph) -> int:
    """Rewrite in place; how many operators changed."""
    changed = 0
    operators: list[Operator] = []
    for op in graph.operators:
        new = _rewritten(op)
        changed += new != [op]
        operators.extend(new)
    graph.operators = operators
    return changed


def _rewritten(op: Operator) -> list[Operator]:
    if op.kind in ("SQUEEZE", "EXPAND_DIMS"):
        return [_named(reshape(op.input(0), op.output.shape, op.output), op)]
    if op.kind == "GATHER":
        return _slice_of_one(op)
    if op.kind in ELEMENTWISE and len(op.inputs) > 1:
        return _same_rank(op)
    return [op]


def _slice_of_one(op: Operator) -> list[Operator]:
    """GATHER(x, 3, axis) -> RESHAPE(SLICE(x))."""
    indices = constant_input(op, 1)
    if indices is None or indices.size != 1 or op.options.batchDims:
        return [op]
    source = op.input(0)
    axis = op.options.axis % len(source.shape)
    begin = np.zeros(len(source.shape), np.int32)
    begin[axis] = int(indices.reshape(-1)[0]) % source.shape[axis]
    size = np.array([1 if i == axis else extent for i, extent in enumerate(source.shape)], np.int32)
    part = Tensor(f"{op.output.name}/slice", tuple(int(n) for n in size), source.dtype)
    operands = [Tensor.constant(f"{part.name}/begin", begin), Tensor.constant(f"{part.name}/size", size)]
    cut = Operator("SLICE", [source, *operands], [part], schema.SliceOptionsT(), op.source_name)
    return [cut, _named(reshape(part, op.output.shape, op.output), op)]


def _same_rank(op: Operator) -> list[Operator]:
    rank = len(op.output.shape)
    new: list[Operator] = []
    for index, tensor in enumerate(op.inputs):
        if tensor is None or tensor.is_constant or len(tensor.shape) == rank:
            continue
        raised = reshape(tensor, (1,) * (rank - len(tensor.shape)) + tensor.shape)
        raised.output.name = f"{op.output.name}/operand{index}"
        new.append(_named(raised, op))
        op.inputs[index] = raised.output
    return [*new, op]


def _named(op: Operator, like: Operator) -> Operator:
    op.source_name = like.source_name
    return op

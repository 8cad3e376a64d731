"""RESHAPE(RESHAPE(x)) -> RESHAPE(x); TRANSPOSE(TRANSPOSE(x)) -> TRANSPOSE(x); TRANSPOSE of unit axes -> RESHAPE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv_backends.cleanup.constants import constant_input, ints
from dlpuconv_backends.cleanup.layout.labels import identity, moves_data, permuted
from dlpuconv_backends.cleanup.uses import Uses
from dlpuconv_backends.flatbuffer.build import reshape, transpose

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph, Operator


def merge_moves(graph: Graph) -> int:
    """Rewrite in place; how many operators changed. Those that nobody reads any more are left for `drop_dead`."""
    uses = Uses(graph)
    changed = 0
    for op in graph.operators:
        if op.kind not in ("RESHAPE", "TRANSPOSE"):
            continue
        before = uses.producer(op.input(0))
        changed += bool((before is not None and _merge(before, op)) or _unit_axes(op))
    return changed


def _merge(before: Operator, op: Operator) -> bool:
    """Let `op` read what the operator before it reads."""
    if before.kind != op.kind:
        return False
    if op.kind == "TRANSPOSE":
        if constant_input(before, 1) is None or constant_input(op, 1) is None:
            return False
        order = permuted(ints(before.input(1)), ints(op.input(1)))
        _become(op, transpose(before.input(0), order, op.output))
        return True
    op.inputs[0] = before.input(0)
    return True


def _unit_axes(op: Operator) -> bool:
    if op.kind != "TRANSPOSE" or constant_input(op, 1) is None:
        return False
    source = op.input(0)
    order = ints(op.input(1))
    if order == identity(len(order)) or moves_data(source.shape, identity(len(order)), order):
        return False
    _become(op, reshape(source, op.output.shape, op.output))
    return True


def _become(op: Operator, other: Operator) -> None:
    op.kind, op.inputs, op.options = other.kind, other.inputs, other.options

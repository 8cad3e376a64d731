"""RESHAPE to the same shape, SLICE of everything, PAD by nothing, CONCATENATION of one, MUL by 1 -> (nothing)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv_backends.cleanup.constants import constant_input, ints

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor


def remove_noops(graph: Graph) -> int:
    """Rewrite in place; how many operators went."""
    gone: list[Operator] = []
    for op in graph.operators:
        source = _unchanged(op)
        if source is None:
            continue
        source.source_names = tuple(dict.fromkeys((*source.source_names, *op.output.source_names)))
        graph.replace_uses(op.output, source)
        gone.append(op)
    graph.remove(gone)
    return len(gone)


def _unchanged(op: Operator) -> Tensor | None:
    """The activation that the operator passes on as it is."""
    check = _CHECKS.get(op.kind)
    if check is None or len(op.outputs) != 1 or not check(op):
        return None
    activations = [t for t in op.inputs if t is not None and not t.is_constant]
    same = [t for t in activations if t.shape == op.output.shape and t.dtype == op.output.dtype]
    return same[0] if len(activations) == 1 and same else None


def _same_shape(_op: Operator) -> bool:
    return True  # the shapes are compared for all kinds


def _identity_order(op: Operator) -> bool:
    order = constant_input(op, 1)
    return order is not None and [int(v) for v in order.reshape(-1)] == list(range(order.size))


def _unit_strides(op: Operator) -> bool:
    return op.inputs[3] is not None and op.inputs[3].is_constant and set(ints(op.inputs[3])) == {1}


def _constant_is(value: float, *positions: int) -> Callable[[Operator], bool]:
    def check(op: Operator) -> bool:
        arrays = [constant_input(op, p) for p in positions if p < len(op.inputs)]
        known = [a for a in arrays if a is not None]
        return len(known) == 1 and bool(np.all(known[0] == value)) and not op.options.fusedActivationFunction

    return check


_CHECKS: dict[str, Callable[[Operator], bool]] = {
    **dict.fromkeys(("RESHAPE", "SLICE", "PAD", "PADV2", "MIRROR_PAD", "BROADCAST_TO", "TILE", "CAST"), _same_shape),
    "CONCATENATION": _same_shape,
    "SPLIT": _same_shape,
    "TRANSPOSE": _identity_order,
    "STRIDED_SLICE": _unit_strides,
    "MUL": _constant_is(1.0, 0, 1),
    "DIV": _constant_is(1.0, 1),
    "ADD": _constant_is(0.0, 0, 1),
    "SUB": _constant_is(0.0, 1),
}

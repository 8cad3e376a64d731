"""MINIMUM(MAXIMUM(x, a), b) -> RELU, RELU6, RELU_N1_TO_1; a clip to [0, b] -> RELU6(x * 6 / b) * b / 6.

The factors of the second form go into the layer in front (`fold_affine`): a hard sigmoid costs one MUL that way. They
round, so that a 5 becomes 4.9999995: what is taken for a whole number later on stays a MINIMUM and a MAXIMUM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.constants import scalar
from dlpuconv_backends.cleanup.uses import Uses
from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph

_SIX = 6.0
_STEPS = frozenset(("CAST", "CEIL", "EQUAL", "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "NOT_EQUAL", "ROUND"))
"""What makes 4 of 4.9999995 and 5 of 5."""
_ARITHMETIC = frozenset((
    "ADD", "CONCATENATION", "EXPAND_DIMS", "MAXIMUM", "MINIMUM", "MUL", "PACK", "RESHAPE", "SLICE", "SPLIT", "SQUEEZE",
    "STRIDED_SLICE", "SUB", "TRANSPOSE", "UNPACK",
))  # fmt: skip


def clip_to_activation(graph: Graph) -> int:
    """Rewrite in place; how many clips were found."""
    found = 0
    uses = Uses(graph)
    for op in list(graph.operators):
        if _whole_clip(graph, op, uses):
            uses = Uses(graph)
            found += 1
    return found + sum(_single(op) for op in graph.operators)


def _bound(op: Operator | None, kind: str) -> tuple[Tensor, float] | None:
    """The operands x and c of kind(x, c); RELU(x) counts as MAXIMUM(x, 0)."""
    if op is not None and op.kind == "RELU" and kind == "MAXIMUM":
        return op.input(0), 0.0
    if op is None or op.kind != kind:
        return None
    for index in (0, 1):
        value, other = scalar(op.inputs[index]), op.input(1 - index)
        if value is not None and not other.is_constant and other.shape == op.output.shape:
            return other, value
    return None


def _whole_clip(graph: Graph, op: Operator, uses: Uses) -> bool:
    for outer, inner in (("MINIMUM", "MAXIMUM"), ("MAXIMUM", "MINIMUM")):
        second = _bound(op, outer)
        before = uses.sole_producer(second[0]) if second else None
        first = _bound(before, inner)
        if second is None or first is None or before is None:
            continue
        low, high = (first[1], second[1]) if outer == "MINIMUM" else (second[1], first[1])
        new = _clip(op, first[0], low, high) if high == _SIX or not _meets_step(op.output, uses) else []
        if new and op in graph.operators:
            at = graph.operators.index(op)
            graph.operators[at : at + 1] = new
            graph.remove([before])
            return True
    return False


def _clip(op: Operator, source: Tensor, low: float, high: float) -> list[Operator]:
    if (low, high) in ((0.0, _SIX), (-1.0, 1.0)):
        return [Operator("RELU6" if low == 0.0 else "RELU_N1_TO_1", [source], [op.output], None, op.source_name)]
    if low != 0.0 or not 0.0 < high < np.inf:
        return []
    up = Tensor(f"{op.output.name}/six_fold", op.output.shape, op.output.dtype)
    clipped = Tensor(f"{op.output.name}/relu6", op.output.shape, op.output.dtype)
    return [
        _times(source, _SIX / high, up, op.source_name),
        Operator("RELU6", [up], [clipped], None, op.source_name),
        _times(clipped, high / _SIX, op.output, op.source_name),
    ]


def _meets_step(value: Tensor, uses: Uses) -> bool:
    """Whether a step function reads the value, or what simple arithmetic makes of it."""
    waiting, seen = [value], {value}
    while waiting:
        for reader in uses.consumers(waiting.pop()):
            if reader.kind in _STEPS:
                return True
            new = [output for output in reader.outputs if output not in seen] if reader.kind in _ARITHMETIC else []
            seen.update(new)
            waiting += new
    return False


def _times(source: Tensor, factor: float, result: Tensor, name: str) -> Operator:
    constant = Tensor.constant(f"{result.name}/factor", np.array([factor], np.float32))
    return Operator("MUL", [source, constant], [result], schema.MulOptionsT(), name)


def _single(op: Operator) -> bool:
    """MAXIMUM(x, 0) -> RELU."""
    bound = _bound(op, "MAXIMUM")
    if op.kind == "RELU" or bound is None or bound[1] != 0.0:
        return False
    op.kind, op.inputs, op.options = "RELU", [bound[0]], None
    return True

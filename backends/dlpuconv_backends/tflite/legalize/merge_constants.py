"""MUL(MUL(x, a), b) -> MUL(x, ab); ADD(ADD(x, a), b) -> ADD(x, a + b); MUL(ADD(x, a), b) -> ADD(MUL(x, b), ab).

Each operator on the way rounds to 8 bits, and each constant too: a detector that decodes its boxes by * 2, + grid,
* stride, / size does that four times where once will do. The last form is used where `x` is multiplied already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv_backends.flatbuffer import Tensor
from dlpuconv_backends.flatbuffer.edit import add, fused_activation, like, mul

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer import Graph, Operator

_MOST_GROWTH = 16
"""A product of two constants may be this much larger than the larger one, where they broadcast each other."""


@dataclass(frozen=True, slots=True)
class _Step:
    """An operator that adds a constant to an activation, or multiplies it with one."""

    kind: str
    op: Operator
    source: Tensor
    values: npt.NDArray[np.float64]


def rewrite(graph: Graph) -> list[str]:
    """Merge until nothing changes; the names of the operators that were merged into another one."""
    done: list[str] = []
    while (name := _merge_one(graph)) is not None:
        done.append(name)
    return done


def _merge_one(graph: Graph) -> str | None:
    producers, readers = graph.producers(), graph.consumers()
    for op in graph.operators:
        second = _step(op)
        first = _step(producers.get(second.source)) if second else None
        if second is None or first is None or fused_activation(first.op):
            continue
        if len(readers[second.source]) > 1 or second.source in graph.outputs:
            continue
        new = _merged(first, second, _step(producers.get(first.source)) is not None)
        if new is not None:
            graph.insert_before(op, *new)
            graph.remove({op, first.op})
            return op.source_name or op.output.name
    return None


def _step(op: Operator | None) -> _Step | None:
    if op is None or op.kind not in ("ADD", "SUB", "MUL") or op.output.dtype != np.float32:
        return None
    first, second = op.input(0), op.input(1)
    if op.kind != "SUB" and first.data is not None:
        first, second = second, first
    if second.data is None or first.data is not None or first.shape != op.output.shape:
        return None
    values = second.data.astype(np.float64)
    return _Step("MUL", op, first, values) if op.kind == "MUL" else _Step("ADD", op, first, values * _sign(op))


def _sign(op: Operator) -> float:
    return -1.0 if op.kind == "SUB" else 1.0


def _merged(first: _Step, second: _Step, chained: bool) -> list[Operator] | None:
    """What takes the place of both, or None where that would not help."""
    both = first.values * second.values if second.kind == "MUL" else first.values + second.values
    if both.size > _MOST_GROWTH * max(first.values.size, second.values.size) or not np.isfinite(both).all():
        return None
    if first.kind == second.kind:
        return [_operator(second, second.kind, first.source, both, second.op.output)]
    if (first.kind, second.kind) == ("ADD", "MUL") and chained:
        scaled = like(second.op.output, "scaled")
        return [
            _operator(second, "MUL", first.source, second.values, scaled, fused=False),
            _operator(second, "ADD", scaled, both, second.op.output),
        ]
    return None


def _operator(
    step: _Step, kind: str, source: Tensor, values: npt.NDArray[np.float64], out: Tensor, *, fused: bool = True
) -> Operator:
    constant = Tensor.constant(f"{out.name}_{kind.lower()}", values.astype(np.float32))
    make = mul if kind == "MUL" else add
    return make(source, constant, out, step.op.source_name, fused_activation(step.op) if fused else 0)

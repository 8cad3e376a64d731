"""LOG(SOFTMAX(x)) -> d - LOG(SUM(EXP(d))), LOG(SUM(EXP(x))) -> m + LOG(SUM(EXP(d))); m = REDUCE_MAX(x), d = x - m.

An int8 SOFTMAX has steps of 1/256, and everything below one of them has the same logarithm; a sum of EXP(x) has a range
that nothing but its largest element fits. Less its maximum, x is at most 0, and the sum at least 1. (No chip here has
the int8 LOG_SOFTMAX, which ends at -16.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer.build import reshape
from dlpuconv_backends.flatbuffer.edit import add, like, operand, replace_each, sub, unary
from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv_backends.flatbuffer.graph import Graph


def subtract_maximum(graph: Graph) -> int:
    """Rewrite every LOG of one of these; how many there were."""
    producers = graph.producers()
    return len(replace_each(graph, "LOG", lambda op: _stable(op, producers)))


def _stable(op: Operator, producers: Mapping[Tensor, Operator]) -> list[Operator] | None:
    inner = producers.get(op.input(0))
    if inner is None:
        return None
    if inner.kind == "SOFTMAX" and inner.options.beta == 1.0:
        return _log_softmax(op, inner.input(0))
    total = producers.get(inner.input(0)) if inner.kind == "RESHAPE" else inner
    x = operand(total.input(0), "EXP", producers) if total is not None and total.kind == "SUM" else None
    if total is None or x is None or not total.input(1).is_constant or _is_below_its_maximum(x, producers):
        return None
    return _log_sum_exp(op, x, total.input(1))


def _is_below_its_maximum(x: Tensor, producers: Mapping[Tensor, Operator]) -> bool:
    producer = producers.get(x)
    return (
        producer is not None
        and producer.kind == "SUB"
        and operand(producer.input(1), "REDUCE_MAX", producers) is not None
    )


def _log_softmax(op: Operator, x: Tensor) -> list[Operator]:
    last = Tensor.constant(f"{op.output.name}_axis", np.array([len(x.shape) - 1], np.int32))
    below, _, logarithm, made = _logarithm(op, x, last)
    return [*made, sub(below, logarithm, op.output, op.source_name)]


def _log_sum_exp(op: Operator, x: Tensor, axes: Tensor) -> list[Operator]:
    _, largest, logarithm, made = _logarithm(op, x, axes)
    if largest.shape == op.output.shape:
        return [*made, add(largest, logarithm, op.output, op.source_name)]
    kept = Tensor(f"{op.output.name}_kept", largest.shape, x.dtype)
    moved = reshape(kept, op.output.shape, op.output)
    moved.source_name = op.source_name
    return [*made, add(largest, logarithm, kept, op.source_name), moved]


def _logarithm(op: Operator, x: Tensor, axes: Tensor) -> tuple[Tensor, Tensor, Tensor, list[Operator]]:
    """The tensors d, m and LOG(SUM(EXP(d))), and what makes them."""
    reduced = {int(axis) % len(x.shape) for axis in np.ravel(axes.data if axes.data is not None else ())}
    shape = tuple(1 if axis in reduced else extent for axis, extent in enumerate(x.shape))
    name, source = op.output.name, op.source_name
    largest, total, logarithm = (Tensor(f"{name}_{what}", shape, x.dtype) for what in ("largest", "total", "logarithm"))
    below, power = like(x, f"below_{name}"), like(x, f"power_{name}")
    over = schema.ReducerOptionsT()
    over.keepDims = True
    return (
        below,
        largest,
        logarithm,
        [
            Operator("REDUCE_MAX", [x, axes], [largest], over, source),
            sub(x, largest, below, source),
            unary("EXP", below, power, source),
            Operator("SUM", [power, axes], [total], over, source),
            unary("LOG", total, logarithm, source),
        ],
    )

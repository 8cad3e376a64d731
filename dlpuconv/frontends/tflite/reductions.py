"""What an axis or several are reduced to: means, sums, extremes and where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.frontends.tflite.graph import TO_FIRST, element_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.frontends.tflite.step import Step


def reduction(kind: str) -> Callable[[Step], None]:
    """A reduction that ONNX has."""

    def read(step: Step) -> None:
        rank = len(step.tensor(0).shape)
        axes = sorted({axis % rank for axis in step.numbers(1, "axes")}) if rank else []
        keep = bool(step.option("keep_dims", default=False))
        operand = step.alone()
        if not axes:  # which are all of them in ONNX
            step.give("Identity", operand.names, first=operand.first)
            return
        if operand.first and not keep and not _in_order(axes):
            operand_name, first = step.last(0), False
        else:
            operand_name, first = operand.names[0], operand.first
            axes = sorted(operand.axis(axis, rank) for axis in axes)
        step.give(kind, [operand_name, step.constant(axes)], first=first and keep, keepdims=int(keep))

    return read


def of_booleans(kind: str) -> Callable[[Step], None]:
    """Whether any or all are true: the largest or the smallest of zeros and ones."""

    def read(step: Step) -> None:
        axes = step.numbers(1, "axes")
        numbers = step.node("Cast", [step.last(0)], to=element_type("int32"))
        keep = int(bool(step.option("keep_dims", default=False)))
        reduced = step.node(kind, [numbers, step.constant(axes)], keepdims=keep, noop_with_empty_axes=1)
        step.give("Cast", [reduced], to=element_type("bool"))

    return read


def index_of(kind: str) -> Callable[[Step], None]:
    """Where the largest or smallest value is; of equal ones, the first."""

    def read(step: Step) -> None:
        axis = step.number(1, "axis") % step.rank()
        found = step.node(kind, [step.last(0)], axis=axis, keepdims=0)
        step.give("Cast", [found], to=element_type(step.output().dtype))

    return read


def top_k(step: Step) -> None:
    """The k largest values along the last axis, and where they are."""
    k = step.constant([step.number(1, "number of values")])
    values, where = (step.output(position) for position in (0, 1))
    found = step.graph.fresh(f"{step.graph.names[where.index]}/int64")
    step.graph.node("TopK", [step.last(0), k], step.graph.made(values.index, first=False), found)
    step.graph.node("Cast", [found], step.graph.made(where.index, first=False), to=element_type(where.dtype))


def cumsum(step: Step) -> None:
    """Sums of all that came before."""
    axis = step.constant(np.array(step.number(1, "axis")))
    exclusive, reverse = (int(bool(step.option(name, default=False))) for name in ("exclusive", "reverse"))
    step.give("CumSum", [step.last(0), axis], exclusive=exclusive, reverse=reverse)


def _in_order(axes: list[int]) -> bool:
    """Whether the axes that are left of [N, H, W, C] are in the same order with channels first."""
    left = [axis for axis in TO_FIRST if axis not in axes]
    return left == sorted(left)

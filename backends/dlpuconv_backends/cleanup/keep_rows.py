"""RESHAPE(FULLY_CONNECTED(RESHAPE(x))) -> FULLY_CONNECTED(RESHAPE(x)), with leading axes as they are to be behind it.

A layer takes rows of any rank that a chip knows. Where the first RESHAPE only laid them together, it does nothing any
more.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from dlpuconv_backends.cleanup.lower_ranks import MOST_AXES
from dlpuconv_backends.cleanup.uses import Uses
from dlpuconv_backends.flatbuffer.build import reshape
from dlpuconv_backends.flatbuffer.graph import Tensor

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph, Operator


def keep_rows(graph: Graph) -> int:
    """Rewrite in place; how many layers took over the change of shape behind them."""
    uses = Uses(graph)
    gone: list[Operator] = []
    for op in graph.operators:
        before, after = uses.sole_producer(op.inputs[0]), uses.sole_consumer(op.output)
        if op.kind != "FULLY_CONNECTED" or before is None or before.kind != "RESHAPE":
            continue
        if after is None or after.kind != "RESHAPE" or not _keeps_rows(op.output.shape, after.output.shape):
            continue
        _lay(before, (*after.output.shape[:-1], op.input(1).shape[1]))
        op.inputs[0] = before.output
        op.options = copy.copy(op.options)
        op.options.keepNumDims = True
        op.outputs[0] = after.output
        gone.append(after)
    graph.remove(gone)
    return len(gone)


def _keeps_rows(rows: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return 2 <= len(shape) <= MOST_AXES and shape[-1] == rows[-1]


def _lay(op: Operator, shape: tuple[int, ...]) -> None:
    """Give a RESHAPE another result."""
    old = op.output
    made = reshape(op.input(0), shape, Tensor(old.name, shape, old.dtype, source_names=old.source_names))
    op.inputs, op.outputs, op.options = made.inputs, made.outputs, made.options

"""FULLY_CONNECTED(RESHAPE(TRANSPOSE(x))) -> FULLY_CONNECTED(RESHAPE(x)) with the columns of its weights permuted.

A network that flattens [1, C, H, W] for a classifier would otherwise move the whole feature map.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv_backends.cleanup.constants import constant_input
from dlpuconv_backends.cleanup.layers import WeightedOperator, layer
from dlpuconv_backends.cleanup.uses import Uses
from dlpuconv_backends.flatbuffer.build import reshape

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph, Operator


def permute_flattened(graph: Graph) -> int:
    """Rewrite in place; how many TRANSPOSEs were by-passed."""
    uses = Uses(graph)
    changed = 0
    for op in list(graph.operators):
        if op.kind != "TRANSPOSE" or uses.is_output(op.output):
            continue
        for flatten in uses.consumers(op.output):
            readers = [layer(reader) for reader in uses.consumers(flatten.output)]
            dense = [r for r in readers if r is not None and r.op.kind == "FULLY_CONNECTED"]
            if dense and len(dense) == len(readers) and _flattens(op, flatten, dense, uses):
                _rewrite(graph, op, flatten, dense)
                changed += 1
    return changed


def _flattens(op: Operator, flatten: Operator, dense: list[WeightedOperator], uses: Uses) -> bool:
    """True when `flatten` makes one row of everything but a batch axis that stays in front."""
    columns = prod(flatten.output.shape[1:])
    order = constant_input(op, 1)
    batch = order is not None and order[0] == 0 and flatten.output.shape[:1] == op.output.shape[:1]
    return (
        flatten.kind == "RESHAPE"
        and order is not None
        and (batch or flatten.output.shape[:1] == (1,))
        and not uses.is_output(flatten.output)
        and all(d.op.inputs[0] is flatten.output and d.weights.shape[1] == columns for d in dense)
    )


def _rewrite(graph: Graph, op: Operator, flatten: Operator, dense: list[WeightedOperator]) -> None:
    source = op.input(0)
    one_row = source.shape if flatten.output.shape[0] == 1 else (1, *source.shape[1:])
    positions = np.arange(prod(one_row)).reshape(one_row)
    order = [int(axis) for axis in np.asarray(op.input(1).data).reshape(-1)]
    moved = positions.transpose(order).reshape(-1)  # column j of the old weights meets element moved[j] of the source
    flat = reshape(source, flatten.output.shape)
    flat.source_name = flatten.source_name
    graph.insert_after(op, flat)
    for target in dense:
        weights = np.empty_like(target.weights)
        weights[:, moved] = target.weights
        target.set_weights(weights)
        target.op.inputs[0] = flat.output

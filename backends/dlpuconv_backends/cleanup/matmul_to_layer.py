"""BATCH_MATMUL(x, constant [K, N]) -> FULLY_CONNECTED(x, [N, K]), whatever the rank of x."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.constants import constant_input
from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph


def matmul_to_layer(graph: Graph) -> int:
    """Rewrite in place; how many operators changed."""
    return sum(_rewrite(op) for op in graph.operators if op.kind == "BATCH_MATMUL")


def _rewrite(op: Operator) -> bool:
    matrix = constant_input(op, 1)
    if matrix is None or op.options.adjX or op.input(0).is_constant:
        return False
    if int(np.prod(matrix.shape[:-2])) != 1 or len(op.input(0).shape) != len(op.output.shape):
        return False
    matrix = matrix.reshape(matrix.shape[-2:])
    weights = matrix if op.options.adjY else matrix.T
    options = schema.FullyConnectedOptionsT()
    options.keepNumDims = len(op.output.shape) > 2
    op.kind, op.options = "FULLY_CONNECTED", options
    op.inputs = [op.input(0), Tensor.constant(f"{op.output.name}/weights", np.ascontiguousarray(weights)), None]
    return True

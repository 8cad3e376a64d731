"""How many samples time and memory allow to run through a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv_backends.tflite.operators import SPECS
from dlpuconv_backends.tflite.receptive import positions_of, row_length

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer import Graph, Operator

_FEWEST, _MOST = 4, 96
_WORK = 8e9
"""Multiplications of all samples together in one network: four seconds on the plain integer kernels."""
_VALUES = 2**25
"""Of all samples together in the activations that are alive at one time: 128 MiB of float32."""

_BLAMED_VALUES, _MOST_BLAMED = 3_000_000_000, 8


def affordable_samples(graph: Graph) -> int:
    """How many samples a graph may see at once."""
    work = sum(_multiplications(op) for op in graph.operators)
    return int(np.clip(min(_WORK / max(work, 1), _VALUES / max(_most_alive(graph), 1)), _FEWEST, _MOST))


def affordable_to_blame(graph: Graph) -> int:
    """How many samples take less than about twenty seconds: the network runs once for each operator."""
    values = sum(int(np.prod(t.shape)) for op in graph.operators for t in op.outputs)
    return int(np.clip(_BLAMED_VALUES // max(values * len(graph.operators), 1), 1, _MOST_BLAMED))


def _multiplications(op: Operator) -> int:
    if op.kind not in SPECS or SPECS[op.kind].weights is None:
        return 0
    return positions_of(op) * row_length(op) * op.output.shape[-1]


def _most_alive(graph: Graph) -> int:
    """Values of one sample in the activations that are alive at one time, at the most."""
    last = {tensor: op for op in graph.operators for tensor in op.inputs if tensor is not None}
    alive = sum(int(np.prod(t.shape)) for t in graph.inputs)
    most = alive
    for op in graph.operators:
        alive += sum(int(np.prod(t.shape)) for t in op.outputs)
        most = max(most, alive)
        read = {t for t in op.inputs if t is not None and not t.is_constant}
        alive -= sum(int(np.prod(t.shape)) for t in read if last[t] is op)
    return most

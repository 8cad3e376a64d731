"""Values that nothing but SOFTMAX reads: each row tells apart only what comes near its own highest value.

exp(x - highest) of all that lies further below adds less than a quarter of an output step, all of a row together. So
masks (-1e4, or the lowest float) and long tails need no codes, and what is left gets finer steps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor

_QUARTERS = 4 * 256
"""Of a step of the output, which is 1 / 256, in the whole range."""


def softmax_rows(graph: Graph) -> dict[Tensor, int]:
    """The length of the rows of each tensor that only SOFTMAX reads, maybe by way of RESHAPE.

    Args:
        graph: float or integer.
    """
    readers, outputs = graph.consumers(), set(graph.outputs)
    found: dict[Tensor, int] = {}
    for op in reversed(graph.operators):
        for tensor in op.outputs:
            lengths = {_length(reader, found) for reader in readers.get(tensor, ())}
            if tensor not in outputs and len(lengths) == 1 and (length := lengths.pop()):
                found[tensor] = length
    return found


def _length(op: Operator, found: dict[Tensor, int]) -> int:
    """Of the rows of what an operator reads; 0 where it tells everything apart."""
    if op.kind == "SOFTMAX":
        return op.input(0).shape[-1] if op.input(0).shape else 0
    return found.get(op.output, 0) if op.kind == "RESHAPE" else 0


def told_apart(values: npt.NDArray[np.float32], length: int) -> npt.NDArray[np.float32]:
    """The values with all that lies too far below the highest of its row lifted to where that begins.

    Args:
        values: any shape, rows of `length` in row-major order.
        length: of a row.

    Returns:
        [rows, length]; zeros for a row of equal values (masked altogether): saturated or not, it gives equal outputs.
    """
    rows = values.reshape(-1, length)
    highest = rows.max(axis=1, keepdims=True)
    lifted = np.maximum(rows, highest - np.float32(math.log(_QUARTERS * length)))
    uneven = rows.min(axis=1, keepdims=True) < highest
    return np.where(uneven, lifted, np.float32(0.0))

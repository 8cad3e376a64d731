"""Values that nothing but a softmax reads: each row tells apart only what comes near its own highest value.

exp(x - highest) of all that lies further below adds less than a quarter of an output step, all of a row together. So
masks (-1e4, or the lowest float) and long tails need no codes, and what is left gets finer steps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.network import Network, Node, Value

_QUARTERS = 4 * 256
"""Of a step of the output, which is 1 / 256, in the whole range: 8 bits. Finer outputs are as far off as those."""


def softmax_rows(network: Network) -> dict[Value, int]:
    """The length of the rows of each activation that only a softmax reads, maybe under another shape."""
    readers, outputs = network.consumers(), set(network.outputs)
    found: dict[Value, int] = {}
    for node in reversed(network.nodes):
        for value in node.outputs:
            lengths = {_length(reader, found) for reader in readers.get(value, ())}
            if value not in outputs and len(lengths) == 1 and (length := lengths.pop()):
                found[value] = length
    return found


def _length(node: Node, found: dict[Value, int]) -> int:
    """Of the rows of what a node reads; 0 where it tells everything apart."""
    if node.meaning.rows:
        return node.input(0).shape[-1] if node.input(0).shape else 0
    return found.get(node.output, 0) if node.meaning.reshapes else 0


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

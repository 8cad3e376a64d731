"""How many samples time and memory allow to run through a network."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization.techniques.receptive import positions_of, row_length

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpuconv.network import Network, Node, Value

_FEWEST, _MOST = 4, 96
_WORK = 8e9
"""Multiplications of all samples together in one network: four seconds on the plain integer kernels."""
_VALUES = 2**25
"""Of all samples together in the activations that are alive at one time: 128 MiB of float32."""

_BLAMED_VALUES, _MOST_BLAMED = 3_000_000_000, 8


def affordable_samples(network: Network) -> int:
    """How many samples a network may see at once."""
    work = sum(multiplications(node) for node in network.nodes)
    return int(np.clip(min(_WORK / max(work, 1), _VALUES / max(_most_alive(network), 1)), _FEWEST, _MOST))


def affordable_to_blame(network: Network) -> int:
    """How many samples take less than about twenty seconds: the network runs once for each node."""
    values = sum(_size(node.outputs) for node in network.nodes)
    return int(np.clip(_BLAMED_VALUES // max(values * len(network.nodes), 1), 1, _MOST_BLAMED))


def multiplications(node: Node) -> int:
    """Multiplications of a node for one sample."""
    layer = node.layer
    if layer is None or layer.weights is None:
        return 0
    return positions_of(node) * row_length(layer) * node.output.shape[-1]


def _size(values: Iterable[Value]) -> int:
    """Numbers in one sample of some activations."""
    return sum(prod(value.shape) for value in values)


def _most_alive(network: Network) -> int:
    """Values of one sample in the activations that are alive at one time, at the most."""
    last = {value: node for node in network.nodes for value in node.activations}
    alive = most = _size(network.inputs)
    for node in network.nodes:
        alive += _size(node.outputs)
        most = max(most, alive)
        alive -= _size(value for value in node.activations if last[value] is node)
    return most

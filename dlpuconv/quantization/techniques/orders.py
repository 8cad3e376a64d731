"""Another order of a layer's output channels, which the neighbours' constants take up: the function stays the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.network import Constants
from dlpuconv.quantization.techniques.channels import is_depthwise, map_places

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.network import Network, Node, Value
    from dlpuconv.quantization.techniques.channels import ChannelMap, Ids

type Orders = Mapping[Value, Ids]
"""[C] which former channel each channel of an activation is."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the channels of a network may go.

    Attributes:
        channels: those that change places together.
        holders: the activations that hold each variable.
    """

    channels: ChannelMap
    holders: Mapping[int, tuple[Value, ...]]

    @classmethod
    def of(cls, network: Network) -> Places:
        """Places of the channels in a float network."""
        channels = map_places(network)
        found: dict[int, list[Value]] = {}
        for value, ids in channels.of.items():
            for variable in np.unique(ids).tolist():
                found.setdefault(variable, []).append(value)
        return cls(channels, {variable: tuple(values) for variable, values in found.items()})

    def moved(self, value: Value, order: Ids) -> Orders | None:
        """What becomes of all activations where one gets its channels in another order; None where one cannot.

        Args:
            value: of the network.
            order: [C] which former channel each of its channels is.
        """
        block = self.channels.of[value]
        if self.channels.fixed[block].any() or np.unique(block).size < block.size:
            return None
        found = {}
        for other in dict.fromkeys(v for variable in block.tolist() for v in self.holders[variable]):
            ids = self.channels.of[other]
            places = np.flatnonzero(np.isin(ids, block))
            if places.size % block.size:
                return None
            runs = places.reshape(-1, block.size)
            if (ids[runs] != block).any():
                return None
            found[other] = np.arange(ids.size)
            found[other][runs] = runs[:, order]
        return found


def reordered(network: Network, orders: Orders) -> Network:
    """The same function with the channels of activations in these orders; activations stay the same objects."""
    changed = {node: _constants(node, orders) for node in network.nodes}
    return network.with_constants({node: new for node, new in changed.items() if new is not None})


def _constants(node: Node, orders: Orders) -> Constants | None:
    made = orders.get(node.output)
    if node.layer is not None:
        read = orders.get(node.input(node.layer.data))
        return None if made is None and read is None else _layer(node, made, read)
    known = [(at, v.data) for at, v in node.data_inputs if v.data is not None and v.channels > 1]
    return Constants(operands={at: data[..., made] for at, data in known}) if made is not None and known else None


def _layer(node: Node, made: Ids | None, read: Ids | None) -> Constants:
    layer = node.layer
    assert layer is not None
    assert layer.weights is not None
    weights = layer.weights
    if read is not None and not is_depthwise(node):  # a dense layer may flatten what it reads
        columns = np.arange(layer.columns).reshape(-1, read.size)[:, read].reshape(-1)
        weights = weights[..., columns]
    if made is None:
        return Constants(weights=weights)
    return Constants(weights=weights[made], bias=None if layer.bias is None else layer.bias[made])

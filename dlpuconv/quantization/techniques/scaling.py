"""Channels of activations multiplied by factors, in the constants of the layers and sums that make and read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.network import Constants
from dlpuconv.quantization.techniques.channels import ChannelMap, layer_channels

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dlpuconv.network import Network, Node, Value


def is_known(node: Node) -> bool:
    """True for a layer whose weights can be scaled."""
    return node.layer is not None and node.layer.weights is not None


def unknown(network: Network, channels: ChannelMap) -> npt.NDArray[np.bool_]:
    """[V] True where a layer with computed weights is concerned: there is nothing to scale."""
    found = np.zeros(channels.fixed.size, np.bool_)
    for node in network.nodes:
        if node.layer is not None and not is_known(node):
            for value in (*node.activations, *node.outputs):
                found[channels.of.get(value, ())] = True
    return found


@dataclass(frozen=True, slots=True)
class Scaling:
    """Factors, [V], for the channels of activations, and those to be set to zero, [V].

    A layer's rows are multiplied by the factors of what it makes, and its columns divided by those of what it reads.
    """

    channels: ChannelMap
    factors: npt.NDArray[np.float64]
    silent: npt.NDArray[np.bool_]

    def of(self, network: Network) -> Network:
        """The network with scaled channels; activations stay the same objects."""
        changed = {node: self._constants(node) for node in network.nodes}
        return network.with_constants({node: new for node, new in changed.items() if new is not None})

    def _constants(self, node: Node) -> Constants | None:
        if is_known(node):
            return self._layer(node)
        counts = not node.output.is_data  # a sum of indices has no channels
        return self._sum(node) if node.meaning.signs and not counts else None

    def _layer(self, node: Node) -> Constants | None:
        made, read = layer_channels(node, self.channels)
        up = np.where(self.silent[made], 0.0, self.factors[made])
        down = np.where(self.silent[read], 0.0, 1.0 / self.factors[read])
        if (up == 1.0).all() and (down == 1.0).all():
            return None
        assert node.layer is not None
        assert node.layer.weights is not None
        weights, bias = node.layer.weights, node.layer.bias
        scale = (up[:, None] * down).reshape(len(up), *[1] * (weights.ndim - 2), -1)
        return Constants(weights=_single(weights * scale), bias=None if bias is None else _single(bias * up))

    def _sum(self, node: Node) -> Constants | None:
        factors = self.factors[self.channels.of[node.output]]
        if (factors == 1.0).all():
            return None
        constants: Sequence[tuple[int, Value]] = [(i, v) for i, v in node.data_inputs if v.data is not None]
        return Constants(operands={i: _single(v.data * factors) for i, v in constants if v.data is not None})


def _single(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    return np.asarray(values, np.float32)

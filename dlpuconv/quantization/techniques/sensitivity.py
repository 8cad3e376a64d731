"""What noise in each channel of each activation does at the network's outputs, told without running it.

The errors of rounding are about independent, so that their powers add up: from the outputs backwards, a layer passes
power on by the squares of its weights, a sum or a move as it is, a mean divided by how many it is the mean of. What a
curve or a product does to noise is told by what it does to the values themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.network import Scales
from dlpuconv.quantization.techniques.receptive import applied_share, energies_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.network import Network, Node, Value
    from dlpuconv.quantization.statistics.channels import Details

    type Reals = npt.NDArray[np.float64]

_TINY = np.finfo(np.float64).tiny


def sensitivities(network: Network, details: Details) -> Mapping[Value, Reals]:
    """Noise-to-signal ratio, summed over the outputs, by noise of power 1 in each channel of each activation, [C].

    Args:
        network: float.
        details: its statistics by channel.
    """
    walk = _NoiseWalk(details)
    for value in network.outputs:
        if value.is_data:
            power = walk.power(value)
            walk.hear(value, np.full(value.channels, 1.0 if power is None else 1.0 / max(power.sum(), _TINY)))
    for node in reversed(network.nodes):
        walk.back(node)
    return walk.heard


@dataclass(frozen=True, slots=True)
class _NoiseWalk:
    """The walk from the outputs backwards.

    Attributes:
        details: statistics by channel.
        heard: what is known so far.
    """

    details: Details
    heard: dict[Value, Reals] = field(default_factory=dict)

    def power(self, value: Value) -> Reals | None:
        """[C] mean square by channel, where it was measured."""
        table = self.details.channels.get(value.name)
        return None if table is None or len(table) != value.channels else table[:, 3]

    def hear(self, value: Value, more: Reals) -> None:
        """Add what one more reader hears."""
        if value.is_data and not value.is_constant:
            self.heard[value] = self.heard[value] + more if value in self.heard else more

    def back(self, node: Node) -> None:
        """From what a node makes to what it reads."""
        made = [out for out in node.data_outputs if out in self.heard]
        layer = node.layer
        for out in made:
            if layer is not None and layer.weights is not None:
                self.hear(node.input(layer.data), _through_layer(node, self.heard[out]))
                continue
            for value in dict.fromkeys(node.data_activations):
                self.hear(value, self._through(node, value, out))

    def _through(self, node: Node, value: Value, out: Value) -> Reals:
        """[C] of what a node without weights reads."""
        heard = self.heard[out] * self._passed(node, value, out)
        if node.meaning.ties:
            found = np.zeros(value.channels)
            for tie in node.meaning.ties:
                if tie.one is value and tie.other is out:
                    np.add.at(found, tie.channels, heard[tie.as_channels])
                elif tie.other is value and tie.one is out:
                    np.add.at(found, tie.as_channels, heard[tie.channels])
            return found
        if value.channels == out.channels:
            return heard
        before, behind = self.power(value), self.power(out)  # noise stays the part of the signal that it is
        ratio = 1.0 if before is None or behind is None else behind.sum() / max(before.sum(), _TINY)
        return np.full(value.channels, self.heard[out].mean() * ratio)

    def _passed(self, node: Node, value: Value, out: Value) -> Reals | float:
        """[C] of the output, or one for all: power behind a node by power before it."""
        count, left = prod(value.shape) // value.channels, prod(out.shape) // out.channels
        if node.meaning.signs:
            return 1.0
        if left < count and not node.meaning.moves and not node.meaning.product:
            return left / count  # a mean
        if node.meaning.scales is Scales.SAME:
            return min(1.0, count / left) if prod(value.shape) == prod(out.shape) else 1.0
        tables = [self.details.channels.get(v.name) for v in (value, out)]
        if value.channels != out.channels or any(t is None or len(t) != out.channels for t in tables):
            return 1.0
        before, behind = (_extent(t, node) for t in tables if t is not None)
        return np.asarray(np.where(before > 0, behind / np.maximum(before, _TINY), 0.0))


def _extent(table: Reals, node: Node) -> Reals:
    """[C] what tells how a node magnifies noise: a product by the power of the other factor, a curve by its peaks."""
    return np.asarray(table[:, 3] if node.meaning.product else (table[:, :2] ** 2).max(axis=1))


def _through_layer(node: Node, heard: Reals) -> Reals:
    """[C] of what a layer reads, from [O] of what it makes."""
    layer = node.layer
    assert layer is not None
    channels = node.input(layer.data).channels
    energy = energies_of(layer) * applied_share(layer)
    rows = (energy * heard[:, None]).reshape(layer.groups, -1, layer.columns).sum(axis=1).reshape(-1)
    found = np.zeros(channels)
    np.add.at(found, np.arange(rows.size) % channels, rows)  # a dense layer may flatten it
    return found

"""All that 8 bits round in a network: how wide it is, by channel, and how much of its noise the outputs hear."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization.ranges.choice import observed_values
from dlpuconv.quantization.techniques.noise_factors import RoundedActivation, RoundedWeights
from dlpuconv.quantization.techniques.receptive import applied_share
from dlpuconv.quantization.techniques.sensitivity import sensitivities

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.network import Network, Node
    from dlpuconv.quantization.statistics.channels import Details
    from dlpuconv.quantization.techniques.channels import ChannelMap
    from dlpuconv.quantization.techniques.factors import Magnitudes
    from dlpuconv.quantization.techniques.noise_factors import NoiseSource

    type Reals = npt.NDArray[np.float64]

_LEAST = 0.02
"""Of a channel's power that varies, and of its values that are not zero: few samples may tell of less."""


def noise_sources(
    network: Network, channels: ChannelMap, details: Details, layers: Mapping[Node, Magnitudes]
) -> list[NoiseSource]:
    """Activations that get a scale of their own, and weights.

    Args:
        network: float.
        channels: its variables.
        details: its statistics by channel; what is not in them is left out.
        layers: with weights that can be scaled.
    """
    heard = sensitivities(network, details)
    found: list[NoiseSource] = []
    for value in observed_values(network):
        table = details.channels.get(value.name)
        if value in heard and table is not None and len(table) == channels.of[value].size:
            low, high = np.minimum(table[:, 0], 0.0), np.maximum(table[:, 1], 0.0)
            busy = _busy(table) if (low == 0).all() else high > low
            arrives = heard[value] * busy
            found.append(RoundedActivation(ids=channels.of[value], width=high - low, heard=arrives))
    for node, view in layers.items():
        power = _power(node, details)
        if power is not None and node.output in heard and view.largest.any():
            silent = ~view.largest.any(axis=1)
            hears = np.where(silent, 0.0, heard[node.output])
            found.append(RoundedWeights.of(view.largest, view.made, view.read, power, hears))
    return found


def _busy(table: Reals) -> Reals:
    """[C] the share of values behind a rectifier that are not zero, as zero is exact in every scale.

    By means and mean squares: where those that are not are distributed exponentially, it is 2 E[x]^2 / E[x^2].
    """
    _, _, mean, square = table.T
    share = 2 * mean**2 / np.maximum(square, np.finfo(np.float64).tiny)
    return np.asarray(np.where(square > 0, np.clip(share, _LEAST, 1.0), 0.0))


def _power(node: Node, details: Details) -> Reals | None:
    """[O, I] of what a layer's weights multiply: what varies of it, as a bias takes out what rounding does to means."""
    layer = node.layer
    assert layer is not None
    assert layer.weights is not None
    source = node.input(layer.data)
    table = details.channels.get(source.name)
    if table is None or len(table) != source.channels:
        return None
    varies = np.maximum(table[:, 3] - table[:, 2] ** 2, _LEAST * table[:, 3])
    varies *= prod(layer.weights.shape[1:-1]) * applied_share(layer)
    read = np.arange(layer.groups * layer.columns).reshape(layer.groups, 1, -1) % source.channels
    rows = np.broadcast_to(varies[read], (layer.groups, layer.rows // layer.groups, layer.columns))
    return rows.reshape(layer.rows, layer.columns)

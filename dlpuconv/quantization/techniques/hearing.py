"""How much of the noise in each channel of an activation is heard in the layers behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization.techniques.channels import layer_channels, map_passed
from dlpuconv.quantization.techniques.receptive import energies_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.network import Network, Value

    type Reals = npt.NDArray[np.float64]


def heard_by_channel(network: Network, channels: Mapping[str, Reals]) -> Mapping[Value, Reals]:
    """Noise-to-signal ratio by a noise of power 1 in each channel of each activation, [C].

    That is of the layer that hears it most: the energy of the weights that it reads the channel with, beside the
    power of its output. What no layer reads is heard beside its own power.

    Args:
        network: float.
        channels: [C, 4] lowest, highest, mean and mean square, by activation name.
    """
    passed = map_passed(network)
    heard = np.zeros(passed.fixed.size)
    for node in network.nodes:
        layer, power = node.layer, _power(node.output, channels)
        if layer is None or layer.weights is None or not power:
            continue
        sums = np.zeros(heard.size)
        np.add.at(sums, layer_channels(node, passed)[1], energies_of(layer))
        np.maximum(heard, sums / power, out=heard)
    unread = heard == 0
    for value, ids in passed.of.items():
        if power := _power(value, channels):
            np.maximum.at(heard, ids[unread[ids]], 1 / power)
    return {value: heard[ids] for value, ids in passed.of.items()}


def _power(value: Value, channels: Mapping[str, Reals]) -> float:
    """The sum over all channels; 0 where it is not known."""
    table = channels.get(value.name)
    return 0.0 if table is None else float(table[:, 3].sum())

"""What 8 bits cost a network, predicted from channel statistics: factors are compared without a file for each.

Rounding an activation in steps of D adds D^2 / 12 to every channel, which is D^2 / 12 s^2 of the real value where the
channel was multiplied by s; so do weights with one scale for a layer, or for a row. Every layer tells how much of that
its sums get, as a part of what they are. Only differences count: the same noise elsewhere changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization.ranges.choice import observed_values
from dlpuconv.quantization.techniques.channels import layer_channels
from dlpuconv.quantization.techniques.receptive import energies_of
from dlpuconv.quantization.techniques.scaling import is_known
from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.network import Network, Node
    from dlpuconv.quantization.statistics.channels import Details
    from dlpuconv.quantization.techniques.channels import ChannelMap

    type Reals = npt.NDArray[np.float64]
    type Ids = npt.NDArray[np.intp]

_STEPS = 255
_WEIGHT_STEPS = 127


@dataclass(frozen=True, slots=True)
class _Rounded:
    """An activation: variables, lowest and highest value, and what part of its noise arrives, all [C]."""

    ids: Ids
    low: Reals
    high: Reals
    arrives: Reals

    def noise(self, factors: Reals) -> Reals:
        """[C] in real units."""
        s = factors[self.ids]
        step = ((self.high * s).max() - (self.low * s).min()) / _STEPS
        return np.asarray(step**2 / 12 / s**2 * self.arrives)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """A layer.

    Attributes:
        made: [O] variables.
        read: [O, I] variables.
        largest: [O, I] largest |weight| between two channels.
        squares: [O, I] sum of the squares of the weights between two channels.
        power: [O, I] mean square of what they multiply, summed over the taps.
        signal: sum of the mean squares of what the layer makes.
        by_row: each row of the weights has a scale of its own.
    """

    made: Ids
    read: Ids
    largest: Reals
    squares: Reals
    power: Reals
    signal: float
    by_row: bool

    def noise(self, factors: Reals, read: Reals) -> float:
        """Noise as a share of the signal; `read` is the noise of each variable, [V]."""
        ratio = factors[self.made][:, None] / factors[self.read]
        step = (self.largest * ratio).max(axis=1 if self.by_row else None, initial=0.0, keepdims=True) / _WEIGHT_STEPS
        own = (step**2 / 12 * self.power / ratio**2).sum()
        return float(((self.squares * read[self.read]).sum() + own) / self.signal)


@dataclass(frozen=True, slots=True)
class Noise:
    """A network's noise as a function of the factors of its variables, of which there are `count`."""

    count: int
    rounded: tuple[_Rounded, ...]
    layers: tuple[_Sums, ...]

    @classmethod
    def of(
        cls,
        network: Network,
        channels: ChannelMap,
        details: Details,
        gated: Mapping[str, str],
        weights: Granularity = Granularity.PER_TENSOR,
    ) -> Noise:
        """Collect what it depends on.

        Args:
            network: float.
            channels: its variables.
            details: its statistics by channel; what is not in them is left out.
            gated: y by x, for products y = x g(x): noise of x arrives as much as x does.
            weights: how many scales those of a layer have.
        """
        rounded = []
        for value in observed_values(network):
            table = details.channels.get(value.name)
            if table is None or len(table) != channels.of[value].size:
                continue
            product = details.channels.get(gated.get(value.name, ""))
            arrives = np.ones(len(table)) if product is None else _share(product[:, 3], table[:, 3])
            low, high = np.minimum(table[:, 0], 0.0), np.maximum(table[:, 1], 0.0)
            rounded.append(_Rounded(channels.of[value], low, high, arrives))
        by_row = weights is Granularity.PER_CHANNEL
        found = (_sums(node, channels, details, by_row) for node in network.nodes if is_known(node))
        return cls(channels.fixed.size, tuple(rounded), tuple(sums for sums in found if sums is not None))

    def near(self, ids: Ids) -> Noise:
        """Only what depends on some variables."""
        concerned = np.zeros(self.count, np.bool_)
        concerned[ids] = True
        rounded = tuple(each for each in self.rounded if concerned[each.ids].any())
        layers = (each for each in self.layers if concerned[each.made].any() or concerned[each.read].any())
        return Noise(self.count, rounded, tuple(layers))

    def __call__(self, factors: Reals) -> float:
        """Sum over the layers of noise as a part of the signal, where channels have these factors, [V]."""
        arriving = np.zeros(self.count)
        for each in self.rounded:
            np.add.at(arriving, each.ids, each.noise(factors))
        return sum(layer.noise(factors, arriving) for layer in self.layers)


def _share(part: Reals, whole: Reals) -> Reals:
    return np.asarray(np.clip(part / np.maximum(whole, np.finfo(np.float64).tiny), 0.0, 1.0))


def _sums(node: Node, channels: ChannelMap, details: Details, by_row: bool) -> _Sums | None:
    layer = node.layer
    assert layer is not None
    assert layer.weights is not None
    source = node.input(layer.data)
    read, made = details.channels.get(source.name), details.channels.get(node.output.name)
    if read is None or made is None or not made[:, 3].sum() > 0 or len(read) != channels.of[source].size:
        return None
    weights = layer.weights.astype(np.float64)
    taps = tuple(range(1, weights.ndim - 1))
    outputs, inputs = layer_channels(node, channels)
    by_variable = np.zeros(channels.fixed.size)
    by_variable[channels.of[source]] = read[:, 3]
    return _Sums(
        made=outputs,
        read=inputs,
        largest=np.abs(weights).max(axis=taps),
        squares=energies_of(layer),
        power=by_variable[inputs] * (weights[0, ..., 0].size),
        signal=float(made[:, 3].sum()),
        by_row=by_row,
    )

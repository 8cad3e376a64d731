"""Which layers are worth cutting into groups, and which channel belongs into which group: judged by noise.

Rounding a layer's weights in steps of d adds d^2 / 12 sum_i E[x_i^2] to the power of each output channel, and rounding
an activation in steps of s adds s^2 / 12 to that of each channel. How much of it is heard, the weights of the layers
behind tell. A chain of layers is cut where groups of channels of like ranges, which have smaller steps, take enough of
the whole network's noise away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.network import CannotError
from dlpuconv.quantization.sites import LayerGroups
from dlpuconv.quantization.techniques.groups import chain_of
from dlpuconv.quantization.techniques.hearing import heard_by_channel
from dlpuconv.quantization.techniques.orders import Places

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.network import Node, Value
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.quantization.techniques.channels import Ids

    type Reals = npt.NDArray[np.float64]

_MOST_GROUPS = 4
_UNITS = (16, 8, 4)
"""Group sizes are multiples of the largest of these that divides the channels: what processors compute side by side."""
_A_GROUP_DB = 0.1
"""What each further group must bring, where all that could be cut is cut."""
_WORTH_DB = 0.3
"""What all groups together must bring."""
_TINY = 1e-30


@dataclass(frozen=True, slots=True)
class _Rows:
    """What is rounded in steps, which one of all channels decides.

    Attributes:
        steps: [C] the least step that each channel allows.
        heard: [C] noise of each by a step of 1.
    """

    steps: Reals
    heard: Reals

    @property
    def noise(self) -> float:
        """By one step for all channels."""
        return float(self.steps.max(initial=0.0) ** 2 * self.heard.sum())


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A chain that could be cut: what its first layer makes, and all of its weights and inner activations."""

    value: Value
    rows: tuple[_Rows, ...]

    @property
    def order(self) -> Ids:
        """By the ranges of what adds the most noise."""
        return np.argsort(max(self.rows, key=lambda rows: rows.noise).steps, kind="stable")


class _Noise:
    """What rounding adds where, as it is heard in the layers behind."""

    def __init__(self, quantized: Quantized, channels: Mapping[str, Reals]) -> None:
        self._quantized, self._channels = quantized, channels
        self._weights = heard_by_channel(quantized.network, channels)
        self._layers = {node: self._of_layer(node) for node in quantized.layers}
        self._values = {value: self._of_value(value) for value in self._weights}

    def total(self) -> float:
        """The noise of the whole network."""
        return sum(rows.noise for rows in (*self._layers.values(), *self._values.values()) if rows is not None)

    def candidates(self) -> Iterator[_Candidate]:
        """The chains that can be cut."""
        for node in self._layers:
            try:
                chain = chain_of(self._quantized.network, node.output.name)
            except CannotError:
                continue
            layers = [self._layers[each] for each in chain if each.layer is not None]
            values = [self._values.get(each.output) for each in chain[:-1]]
            if all(layers):
                yield _Candidate(node.output, tuple(rows for rows in (*layers, *values) if rows is not None))

    def _of_layer(self, node: Node) -> _Rows | None:
        """None where nothing is known of what it reads, and for one with a scale for each channel."""
        layer, made = node.layer, self._quantized.layers[node]
        assert layer is not None
        table, weights = self._channels.get(node.input(layer.data).name), layer.weights
        if table is None or weights is None or made.affine.per_channel or not weights.any():
            return None
        read = np.resize(table[:, 3], layer.groups * layer.columns).reshape(layer.groups, -1).sum(axis=1)
        power = np.repeat(read * math.prod(weights.shape[1:-1]), layer.rows // layer.groups)
        largest = np.abs(weights.reshape(layer.rows, -1)).max(axis=1).astype(np.float64)
        return _Rows(largest * (made.affine.scale / largest.max()), power * self._weights[node.output] / 12)

    def _of_value(self, value: Value) -> _Rows | None:
        affine, table = self._quantized.plan.scales.get(value), self._channels.get(value.name)
        if affine is None or table is None:
            return None
        widths = np.maximum(table[:, 1], 0.0) - np.minimum(table[:, 0], 0.0)
        return _Rows(widths * (affine.scale / max(widths.max(), _TINY)), self._weights[value] / 12)


def choose_groups(quantized: Quantized, channels: Mapping[str, Reals]) -> tuple[LayerGroups, ...]:
    """Groups for the layers that gain by them; none where that would not be heard at the outputs.

    Args:
        quantized: with the scales that layers get uncut.
        channels: [C, 4] lowest, highest, mean and mean square, by activation name.
    """
    places, noise = Places.of(quantized.network), _Noise(quantized, channels)
    candidates = {each: _ways(each.rows, each.order) for each in noise.candidates()}
    total = noise.total()
    floor = total - sum(ways[0].noise - ways[-1].noise for ways in candidates.values())
    found: list[LayerGroups] = []
    orders: dict[Value, Ids] = {}
    saved = 0.0
    for each in sorted(candidates, key=lambda each: -candidates[each][0].noise):
        moved = None if each.value in orders else places.moved(each.value, each.order)
        free = moved is not None and orders.keys().isdisjoint(moved)
        order = each.order if free else orders.get(each.value, np.arange(each.value.channels))
        ways = candidates[each] if free else _ways(each.rows, order)
        way = _best(ways, floor - candidates[each][-1].noise)
        if way is ways[0]:
            continue
        of = np.empty(order.size, np.intp)
        of[order] = np.repeat(np.arange(len(way.ends)), np.diff([0, *way.ends]))
        found.append(LayerGroups(each.value.name, tuple(of.tolist())))
        saved += ways[0].noise - way.noise
        if free:
            orders |= places.moved(each.value, np.argsort(of, kind="stable")) or {}
    return tuple(found) if _db(total, total - saved) >= _WORTH_DB else ()


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to cut a chain: where groups end along the order of its channels, and the noise that is left."""

    ends: tuple[int, ...]
    noise: float


def _best(ways: Sequence[_Way], others: float) -> _Way:
    """Of ways with one group more each, where the rest of the network makes so much noise."""
    most = others + ways[0].noise
    return max(ways, key=lambda way: _db(most, others + way.noise) - _A_GROUP_DB * len(way.ends))


def _ways(rows: Sequence[_Rows], order: Ids) -> list[_Way]:
    """The best ways to cut channels in this order into one group, two, and so on."""
    unit = next((unit for unit in _UNITS if order.size % unit == 0 and order.size >= 2 * unit), order.size)
    price = _prices(rows, order.reshape(-1, unit))
    count = len(price)
    least: Reals = price[0]
    ends = [(end,) for end in range(count + 1)]
    found = [_Way((order.size,), float(least[count]))]
    for _ in range(min(_MOST_GROUPS, count) - 1):
        sums = least[:count, None] + price
        ends = [(*ends[before], end) for end, before in enumerate(sums.argmin(axis=0).tolist())]
        least = sums.min(axis=0)
        found.append(_Way(tuple(end * unit for end in ends[count]), float(least[count])))
    return found


def _db(before: float, after: float) -> float:
    return 10 * math.log10(before / after) if after > 0 else 0.0


def _prices(rows: Sequence[_Rows], units: Ids) -> Reals:
    """[N, N + 1] noise of a group of units, from the first one up to another one; infinite where there is none.

    Args:
        rows: of layers whose channels are cut alike.
        units: [N, size] channels in their order.
    """
    count = len(units)
    price = np.where(np.arange(count)[:, None] < np.arange(count + 1), 0.0, np.inf)
    for each in rows:
        steps, heard = each.steps[units].max(axis=1), each.heard[units].sum(axis=1)
        for begin in range(count):
            price[begin, begin + 1 :] += np.maximum.accumulate(steps[begin:]) ** 2 * np.cumsum(heard[begin:])
    return price

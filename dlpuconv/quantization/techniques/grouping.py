"""Which layers are worth cutting into groups, and which channel belongs into which group: judged by noise.

Rounding a layer's weights in steps of d adds d^2 / 12 sum_i E[x_i^2] to the power of each output channel, and rounding
its output in steps of s adds s^2 / 12. A layer is cut where the first is large beside the second and groups of like
ranges, which have smaller steps, take most of it away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.network import CannotError
from dlpuconv.quantization.sites import LayerGroups
from dlpuconv.quantization.techniques.groups import chain_of
from dlpuconv.quantization.techniques.orders import Places

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from dlpuconv.network import Node, Value
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.quantization.techniques.channels import Ids

    type Reals = npt.NDArray[np.float64]

MOST_GROUPS = 4
_UNITS = (16, 8, 4, 2, 1)
"""Group sizes are multiples of the largest of these that divides the channels: what processors compute side by side."""
_WORTH_DB, _A_GROUP_DB = 1.0, 0.5
"""What a layer's noise must fall by at least, and what each further group must bring."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """The output channels of one layer.

    Attributes:
        steps: [O] the least step that holds the weights of each.
        reads: [O] sum of E[x_i^2] over all that each adds up.
        allowed: power of the rounding of all outputs, times 12.
    """

    steps: Reals
    reads: Reals
    allowed: float

    @property
    def noise(self) -> float:
        """By one step for all weights, beside what the rounding of the outputs makes."""
        return float(self.steps.max() ** 2 * self.reads.sum() / self.allowed)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A chain that could be cut; what is worth most of it comes first."""

    value: Value
    rows: tuple[_Rows, ...]

    @property
    def order(self) -> Ids:
        """By the ranges of the layer that loses most."""
        return np.argsort(max(self.rows, key=lambda rows: rows.noise).steps, kind="stable")


def choose_groups(quantized: Quantized, channels: Mapping[str, Reals]) -> tuple[LayerGroups, ...]:
    """Groups for the layers that gain by them.

    Args:
        quantized: with the scales that layers get uncut.
        channels: [C, 4] lowest, highest, mean and mean square, by activation name.
    """
    places = Places.of(quantized.network)
    found: list[LayerGroups] = []
    orders: dict[Value, Ids] = {}
    candidates = sorted(_candidates(quantized, channels), key=lambda each: -sum(rows.noise for rows in each.rows))
    for each in candidates:
        order = orders.get(each.value)
        moved = None if order is not None else places.moved(each.value, each.order)
        free = moved is not None and orders.keys().isdisjoint(moved)
        order = each.order if free else np.arange(each.value.channels) if order is None else order
        ends = _cut(each.rows, order)
        if not ends:
            continue
        of = np.empty(order.size, np.intp)
        of[order] = np.repeat(np.arange(len(ends)), np.diff([0, *ends]))
        found.append(LayerGroups(each.value.name, tuple(of.tolist())))
        if free and (stable := places.moved(each.value, np.argsort(of, kind="stable"))) is not None:
            orders |= stable
    return tuple(found)


def _candidates(quantized: Quantized, channels: Mapping[str, Reals]) -> Iterator[_Candidate]:
    for node in quantized.network.nodes:
        if node.layer is None or node.output.channels < 2:
            continue
        try:
            chain = chain_of(quantized.network, node.output.name)
        except CannotError:
            continue
        layers = [each for each in chain if each.layer is not None]
        rows = [_rows(each, quantized, channels) for each in layers]
        known = tuple(each for each in rows if each is not None)
        if len(known) == len(layers):
            yield _Candidate(node.output, known)


def _rows(node: Node, quantized: Quantized, channels: Mapping[str, Reals]) -> _Rows | None:
    """None where nothing is known of what it reads, and for layers that have a scale for each channel."""
    layer, made = node.layer, quantized.layers[node]
    assert layer is not None
    table = channels.get(node.input(layer.data).name)
    if table is None or made.affine.per_channel or node.output not in quantized.plan.scales:
        return None
    weights = layer.weights
    assert weights is not None
    taps = math.prod(weights.shape[1:-1])
    square = np.resize(table[:, 3], layer.groups * layer.columns).reshape(layer.groups, layer.columns).sum(axis=1)
    reads = np.repeat(square * taps, layer.rows // layer.groups)
    steps = np.abs(weights.reshape(layer.rows, -1)).max(axis=1).astype(np.float64)
    peak = steps.max(initial=0.0)
    if not peak:
        return None
    allowed = layer.rows * quantized.plan.scales[node.output].scale ** 2
    return _Rows(steps * (made.affine.scale / peak), reads, allowed)


def _cut(rows: tuple[_Rows, ...], order: Ids) -> list[int]:
    """Where groups end along an order of the channels; empty where cutting does not pay."""
    unit = next(unit for unit in _UNITS if (order.size % unit == 0 and order.size >= 2 * unit) or unit == 1)
    count = order.size // unit
    price = np.where(np.arange(count)[:, None] < np.arange(count + 1), 0.0, np.inf)  # of a group from a unit to another
    peaks = [each.steps[order].reshape(count, unit).max(axis=1) for each in rows]
    reads = [each.reads[order].reshape(count, unit).sum(axis=1) / each.allowed for each in rows]
    for begin in range(count):
        for peak, read in zip(peaks, reads, strict=True):
            price[begin, begin + 1 :] += np.maximum.accumulate(peak[begin:]) ** 2 * np.cumsum(read[begin:])
    least, ends = price[0], [[[end] for end in range(count + 1)]]
    best: tuple[float, list[int]] = (_WORTH_DB, [])
    for groups in range(2, min(MOST_GROUPS, count) + 1):
        sums = least[:count, None] + price
        before = sums.argmin(axis=0)
        ends.append([[*ends[-1][before[end]], end] for end in range(count + 1)])
        least = sums.min(axis=0)
        gain = 10 * math.log10((1 + price[0, count]) / (1 + least[count])) - _A_GROUP_DB * (groups - 2)
        if gain > best[0]:
            best = gain, [end * unit for end in ends[-1][count]]
    return best[1]

"""Which values of an activation its readers can tell apart: the rest needs no codes.

A hard swish makes 0 of everything below -3, a sigmoid of 8 bits makes 0 of everything below -6.9, a maximum never lets
the lowest values through, a ReLU drops what is negative, and a softmax was observed only as far as it tells values
apart (statistics/softmax_rows.py). An activation whose readers all do that may saturate there, and its range gets that
much finer at no loss; so may a mask that is added to it. The walk goes backwards, from the outputs, which tell
everything apart.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING

from dlpuconv.ir.affine import INT8
from dlpuconv.network import ALL, Range, Scales
from dlpuconv.quantization.scales.choice import range_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.ir.affine import IntegerType
    from dlpuconv.network import Network, Node, Value

    type Ranges = Mapping[Value, Range]

_SEEN_BITS = 8
"""`Meaning.sees` speaks of outputs of so many."""


def distinguished(network: Network, observed: Ranges, codes: IntegerType = INT8) -> dict[Value, Range]:
    """By activation: the interval outside which it may be clamped without any reader noticing.

    Args:
        network: float.
        observed: lowest and highest value of activations, where they were observed.
        codes: type of the activations.
    """
    readers, outputs = network.consumers(), set(network.outputs)
    held = {**_held(network, observed, codes), **observed}
    found: dict[Value, Range] = {}

    def look(value: Value) -> None:
        if value not in found:  # every reader comes later in the network, so its outputs are already known
            needs = [_through(node, value, found, held, codes) for node in readers.get(value, ())]
            found[value] = ALL if value in outputs or not needs else reduce(Range.union, needs)

    for node in reversed(network.nodes):
        for value in node.outputs:
            look(value)
    for value in (*network.inputs, *constants(network)):
        look(value)
    return found


def constants(network: Network) -> list[Value]:
    """The data constants that are neither weights nor bias, one for each input that reads one."""
    return [v for node in network.nodes for _, v in node.data_inputs if v.is_constant]


def _held(network: Network, observed: Ranges, codes: IntegerType) -> dict[Value, Range]:
    """What constants hold, what kernels prescribe, and what has all values of an observed activation."""
    found = {v: holds(v) for v in constants(network)}
    for node in network.nodes:
        if node.meaning.fixed is not None:
            found |= dict.fromkeys(node.outputs, range_of(node.meaning.fixed, codes))
        inputs = node.data_inputs if node.meaning.reorders else []
        if len(inputs) == 1:
            source = inputs[0][1]
            values = observed.get(source) or found.get(source)
            found |= {out: values for out in node.outputs if values is not None}
    return found


def holds(constant: Value) -> Range:
    """From the lowest to the highest value of a constant."""
    if constant.data is None or not constant.data.size:
        return Range(0.0, 0.0)
    return Range(float(constant.data.min()), float(constant.data.max()))


def _through(node: Node, value: Value, found: Ranges, held: Ranges, codes: IntegerType) -> Range:
    """What a node can tell apart in one of its data inputs."""
    meaning = node.meaning
    if meaning.sees != ALL and meaning.clamp is not None:
        return meaning.sees.clamped_to(found.get(node.output, ALL))
    if meaning.sees != ALL:
        return meaning.sees if codes.bits <= _SEEN_BITS else ALL
    if meaning.rows:
        return Range(held[value].low, math.inf) if value in held else ALL
    if meaning.signs:
        return _through_sum(node, value, found.get(node.output, ALL), held)
    if meaning.scales is not Scales.SAME or not meaning.moves:
        return ALL
    parts = []
    for out in node.outputs:
        need = found.get(out, ALL)
        if not meaning.reorders and out in held:
            need = held[out].clamped_to(need)
        parts.append(need)
    return reduce(Range.union, parts)


def _through_sum(node: Node, value: Value, need: Range, held: Ranges) -> Range:
    """What a constant summand may be clamped to: a mask takes the sum out of what is needed whatever the other one is.

    By as much again as the other one is wide, so that no rounding brings the sum back.
    """
    operands = [v for _, v in node.data_inputs]
    if len(operands) != 2 or not value.is_constant:
        return ALL
    own = 0 if operands[0] is value else 1
    other = held.get(operands[1 - own])
    if other is None:
        return ALL
    low, high = (other.low, other.high) if node.meaning.signs[1 - own] > 0 else (-other.high, -other.low)
    low, high = need.low - high - other.width, need.high - low + other.width
    return Range(low, high) if node.meaning.signs[own] > 0 else Range(-high, -low)

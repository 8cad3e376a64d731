"""Which real values each scale must hold: those that a reader can tell apart, as far as an observer wants them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.network import ALL, Range, Scales
from dlpuconv.quantization.observers import solve
from dlpuconv.quantization.ranges.distinguished import constants, distinguished, holds
from dlpuconv.quantization.ranges.outward import leading_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.ir.affine import IntegerType
    from dlpuconv.network import Network, Node, Value
    from dlpuconv.quantization.observers import Spread
    from dlpuconv.quantization.recipe import Observer

_HUGE = 1e30
"""A padding value beyond this stands for minus infinity in front of a maximum."""


def observed_values(network: Network) -> list[Value]:
    """The activations whose ranges are needed, in graph order.

    Not those whose kernel prescribes a scale, nor those that hold just the values of another one.
    """
    needed = [v for v in network.inputs if v.is_data]
    for node in network.nodes:
        meaning = node.meaning
        copied = meaning.scales is Scales.SAME and meaning.reorders and len(node.data_inputs) == 1
        if meaning.scales is not Scales.FIXED and not copied and not meaning.pads:
            needed.extend(node.data_outputs)
    return needed


def observed_ranges(
    network: Network,
    observed: Mapping[str, Range],
    spreads: Mapping[str, Spread],
    observer: Observer,
    codes: IntegerType,
) -> dict[str, Range]:
    """The ranges that an observer chooses, by name.

    What no reader can tell apart counts for nothing. Inputs, and what leads out of the network, keep their whole range,
    whatever the observer says: the few logits above all others are a detector's detections, so that the rarest values
    of an output are those that it was made for, and what saturates at an end is seen from outside.

    Args:
        network: float.
        observed: lowest and highest value.
        spreads: of the same activations; one without keeps its whole range.
        observer: the method.
        codes: type of activations.
    """
    values = {v.name: v for v in network.values() if not v.is_constant}
    needs = distinguished(network, {values[name]: found for name, found in observed.items()}, codes)
    kept = leading_out(network).union(network.inputs)
    chosen = {}
    for name, found in observed.items():
        needed = found.clamped_to(needs.get(values[name], ALL))
        whole = name not in spreads or values[name] in kept
        if not whole:
            spread = replace(spreads[name], codes=1 << codes.bits)
            found = Range(*solve(observer, spread, needed.low, needed.high))
        chosen[name] = found
    return chosen


def choose_ranges(network: Network, observed: Mapping[Value, Range], codes: IntegerType) -> dict[Value, Range]:
    """The real values that the scale of each activation and constant must hold: those that a reader can tell apart.

    Args:
        network: float.
        observed: lowest and highest value of `observed_values(network)`.
        codes: type of activations.
    """
    needs = distinguished(network, observed, codes)
    held = {**observed, **{v: holds(v) for v in constants(network)}}
    chosen = {v: values.clamped_to(needs.get(v, ALL)) for v, values in held.items()}
    for node in network.nodes:
        headroom = node.meaning.headroom
        if headroom and node.output in chosen:
            widest = max((chosen[v].width for _, v in node.data_inputs if v in chosen), default=0.0)
            if chosen[node.output].width < widest * headroom:
                chosen[node.output] = Range(-widest * headroom, widest * headroom)
        for _, value in node.data_inputs:
            if value.is_constant and node.meaning.scales is Scales.SAME and _matters(node, value):
                _widen(chosen, node, chosen[value])  # it shares the output's scale
    return chosen


def _matters(node: Node, constant: Value) -> bool:
    """False for padding in front of maxima, which may saturate, and for a MAXIMUM's own bound, seen in its output."""
    if node.meaning.clamp is not None or node.meaning.starves_padding:
        return False
    return constant.data is None or not abs(constant.data).max(initial=0.0) > _HUGE


def _widen(chosen: dict[Value, Range], node: Node, values: Range) -> None:
    for out in node.data_outputs:
        chosen[out] = chosen[out].union(values) if out in chosen else values

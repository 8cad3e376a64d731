"""Which activations of a network get the scale that the source states of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpuconv.network import Range
from dlpuconv.quantization.scales.choice import SMALLEST_SCALE, range_of
from dlpuconv.quantization.stated.recoding import recoded

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dlpuconv.ir.affine import Affine
    from dlpuconv.ir.given_scales import GivenScales, StatedScale
    from dlpuconv.network import Network, Value
    from dlpuconv.scheme import Coding

_LARGEST_SCALE = 1e18
"""With it, 8 bits hold all that is not refused as too wide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedActivations:
    """What a source states of a network's activations, in the chip's codes.

    Attributes:
        scales: those that the chip can have.
        ranges: the real values that the others hold, where that is still so.
        reasons: why the chip cannot have them.
    """

    scales: Mapping[Value, Affine] = field(default_factory=dict)
    ranges: Mapping[Value, Range] = field(default_factory=dict)
    reasons: Mapping[Value, str] = field(default_factory=dict)


def stated_activations(
    network: Network, stated: GivenScales, coding: Coding, scaled: Collection[str] = ()
) -> StatedActivations:
    """What is stated of the activations of a network.

    Args:
        network: float.
        stated: by the names of the source's values.
        coding: of activations.
        scaled: names of values whose channels were multiplied since: what is stated does not hold of them.
    """
    scales, ranges, reasons = {}, {}, {}
    for value in network.values():
        found = _of_value(value, stated)
        if found is None or value.is_constant or not value.is_data:
            continue
        reason = _misfit(found, coding)
        if value.name in scaled:
            reasons[value] = "has channels that equalization scaled, since weights beside it had to be fitted anew"
        elif reason:
            ranges[value], reasons[value] = _range(found), reason
        else:
            scales[value] = recoded(found, coding)
    return StatedActivations(scales=scales, ranges=ranges, reasons=reasons)


def stated_ranges(network: Network, stated: GivenScales) -> dict[str, Range]:
    """By the name of an activation, all real values that the source's codes stand for; empty where it states none."""
    found = {value.name: _of_value(value, stated) for value in network.values() if not value.is_constant}
    return {name: _range(scale) for name, scale in found.items() if scale is not None}


def stated_name(value: Value, stated: GivenScales) -> str:
    """Under which name a value's scale is stated; empty where none is.

    A value may stand for several of the source, of which all but the last are inside it: that one's scale counts.
    """
    names = (value.name, *value.source_names)
    return next((name for name in reversed(names) if name in stated.activations), "")


def _of_value(value: Value, stated: GivenScales) -> StatedScale | None:
    return stated.activations.get(stated_name(value, stated))


def _misfit(stated: StatedScale, coding: Coding) -> str:
    """Why activations cannot have a scale; empty where they can."""
    affine = stated.affine
    if affine.per_channel:
        return "has a scale for each channel"
    if stated.codes.bits != coding.type.bits:
        return f"has {stated.codes.bits} bits, and the chip {coding.type.bits}"
    if not SMALLEST_SCALE <= affine.scale <= _LARGEST_SCALE:
        return "is too small or too large for the kernels' multipliers"
    if coding.reduce_range:
        return "uses all codes, of which the chip leaves half"
    if coding.symmetric and recoded(stated, coding).zero_point != coding.middle:
        return "has a zero point, and the chip none"
    if coding.power_of_two and math.frexp(affine.scale)[0] != 0.5:
        return "is no power of two"
    return ""


def _range(stated: StatedScale) -> Range:
    """All real values that the source's codes stand for."""
    held = [
        range_of(stated.affine.part(slice(index, index + 1)), stated.codes)
        for index in range(len(stated.affine.scales))
    ]
    return Range(min(each.low for each in held), max(each.high for each in held))

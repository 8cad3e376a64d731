"""Whether the weights of a layer can have the scales that the source states of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.ir.affine import Affine
from dlpuconv.quantization.stated.codes import SourceCodes
from dlpuconv.quantization.stated.recoding import recoded
from dlpuconv.quantization.weights.scale import SMALLEST_SCALE, blocks
from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.ir.given_scales import GivenScales, StatedScale
    from dlpuconv.ir.layer_names import LayerNames
    from dlpuconv.network import Layer, Node
    from dlpuconv.scheme import Coding

_EXACT = 0.01
"""Of a step: how far float32 rounding may have moved dequantized weights from their codes."""


@dataclass(frozen=True, slots=True)
class StatedWeights:
    """What a source states of a layer's weights.

    Attributes:
        affine: along the first axis of the layer's weights; None where the layer cannot have it.
        reason: why it cannot, or not with all codes; empty where it can.
    """

    affine: Affine | None = None
    reason: str = ""

    def above(self, floor: npt.NDArray[np.float64], weights: npt.NDArray[Any]) -> StatedWeights:
        """The same with scales that accumulators allow; channels of zeros, whose scale is arbitrary, get a wider one.

        Args:
            floor: [O] what the scale of each channel must not be below.
            weights: [O, ...].
        """
        if self.affine is None:
            return self
        floor = np.maximum(floor, SMALLEST_SCALE)
        scales = np.broadcast_to(np.asarray(self.affine.scales), len(weights))
        if not (scales < floor).any():
            return self
        empty = ~weights.reshape(len(weights), -1).any(axis=1)
        if not self.affine.per_channel or (~empty & (scales < floor)).any():
            return StatedWeights(reason="have a scale with which sums could leave 32 bits")
        return replace(self, affine=Affine.along(0, np.maximum(scales, floor), self.affine.zero_points))


NOT_STATED = StatedWeights()


def stated_weights(
    node: Node, stated: GivenScales, names: LayerNames, chosen: Granularity, coding: Coding
) -> StatedWeights:
    """The scales of a layer's weights, as the source states them.

    Args:
        node: has a layer.
        stated: by the names of the source's nodes.
        names: of the layer.
        chosen: what the layer may have at the most: one scale, or one for each channel.
        coding: of weights.
    """
    assert node.layer is not None
    known = (node.source_name, *names.nodes)
    found = next((stated.weights[name] for name in known if name in stated.weights), None)
    if found is None:
        return NOT_STATED
    reason = _misfit(found, node.layer, chosen, coding)
    if reason:
        return StatedWeights(reason=reason)
    ways = _along_rows(replace(_centred(recoded(found, coding), coding), axis=0), node.layer.rows)
    held = [_held(node.layer, affine, coding) for affine in ways]
    return next((each for each in held if each.affine), held[-1])


def _misfit(stated: StatedScale, layer: Layer, chosen: Granularity, coding: Coding) -> str:
    """Why a layer cannot have a scale whatever its weights are; empty where it can."""
    affine = stated.affine
    if stated.codes.bits > coding.type.bits:
        return f"have {stated.codes.bits} bits, and the chip's {coding.type.bits}"
    if affine.per_channel and chosen is Granularity.PER_TENSOR:
        return "have a scale for each channel, by the source or a folded normalization, and the chip's one"
    if affine.per_channel and layer.rows % len(affine.scales):
        return "have a scale for each of something else than output channels"
    if coding.power_of_two and any(math.frexp(scale)[0] != 0.5 for scale in affine.scales):
        return "have a scale that is not a power of two"
    return ""


def _centred(affine: Affine, coding: Coding) -> Affine:
    """The same steps, counted from the middle code where zero has to be: codes at an end may then lie beyond it."""
    return replace(affine, zero_points=(coding.middle,) * len(affine.zero_points)) if coding.symmetric else affine


def _along_rows(affine: Affine, rows: int) -> list[Affine]:
    """A scale for each row; of more rows than scales, neighbours have one, or every group has them anew.

    Neighbours are the phases of a transposed convolution.
    """
    times = rows // len(affine.scales)
    if not affine.per_channel or times == 1:
        return [affine]
    pairs = np.array([affine.scales, affine.zero_points])
    return [Affine.along(0, *spread) for spread in (np.repeat(pairs, times, axis=1), np.tile(pairs, times))]


def _held(layer: Layer, affine: Affine, coding: Coding) -> StatedWeights:
    """The scales, where the weights are the real values of codes that the chip has, or that cost little to saturate."""
    assert layer.weights is not None
    parts = []
    for block in blocks(layer.weights):
        part = affine.part(block)
        exact = layer.weights[block].astype(np.float64)
        rows = (-1, *[1] * (exact.ndim - 1))
        steps = np.asarray(part.scales).reshape(rows)
        codes = np.rint(exact / steps)
        if (np.abs(codes * steps - exact) > _EXACT * steps).any():
            return StatedWeights(reason="were changed by a rewrite, and are not codes of the stated scale")
        codes += np.asarray(part.zero_points).reshape(rows)
        parts.append(SourceCodes.of(codes.reshape(len(codes), -1), coding))
    return _fitted(affine, SourceCodes.joined(parts), coding)


def _fitted(affine: Affine, codes: SourceCodes, coding: Coding) -> StatedWeights:
    """The scales, if codes outside of the chip's may get the nearest one that there is."""
    if not codes.farthest:
        return StatedWeights(affine)
    said, ends = f"have codes from {codes.lowest} to {codes.highest}", f"from {coding.lowest} to {coding.highest}"
    if codes.farthest > 1 and not codes.saturates(per_channel=affine.per_channel):
        return StatedWeights(reason=f"{said}, too far outside of the chip's, {ends}")
    return StatedWeights(affine, f"{said}, and get the nearest of the chip's, {ends}")

"""Integers without samples: the layers that a real file would have, with placeholders for its scales."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from dlpuconv.network import Range, Scales
from dlpuconv.quantization.quantize import quantize
from dlpuconv.quantization.ranges.choice import observed_values
from dlpuconv.quantization.recipe import Observer, Recipe
from dlpuconv.quantization.scales.choice import range_of
from dlpuconv.quantization.tuned import Tuned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.ir.affine import Affine, IntegerType
    from dlpuconv.ir.source_names import SourceNames
    from dlpuconv.network import Network, Node
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.scheme import Scheme

_EVERYWHERE = Range(-1024.0, 1016.0)
"""One range for all activations: where ranges are equal, the quantizer puts nothing between layers."""


def quantize_blindly(network: Network, scheme: Scheme, inputs: Mapping[str, Affine], names: SourceNames) -> Quantized:
    """Quantize a legal float network under placeholders; see `quantize.quantize`."""
    tuned = Tuned(network=network, ranges=_placeholders(network, scheme.activation_codes.type), names=names)
    return quantize(tuned, Recipe(granularity=scheme.weights, observer=Observer.MINMAX), scheme, inputs)


def _placeholders(network: Network, codes: IntegerType) -> dict[str, Range]:
    """A range for each observed activation: one for all, but where a node fixes, or moves, its input's."""
    prescribed = [(node.output.name, node.meaning.fixed) for node in network.nodes]
    known = {name: range_of(fixed, codes) for name, fixed in prescribed if fixed is not None}
    for node in network.nodes:
        tied = _tied(node, known)
        if tied is not None:
            known.update(dict.fromkeys((value.name for value in node.data_outputs), tied))
    return {value.name: known.get(value.name, _EVERYWHERE) for value in observed_values(network)}


def _tied(node: Node, known: Mapping[str, Range]) -> Range | None:
    """What a node makes of its inputs' ranges, where it moves codes."""
    ranges = [known.get(value.name, _EVERYWHERE) for value in node.data_activations]
    return reduce(Range.union, ranges) if ranges and node.meaning.scales is Scales.SAME else None

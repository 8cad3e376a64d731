"""What there is to say about a quantized network: facts for the manifest, warnings for the user."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dlpuconv.language.brief import listed
from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    from dlpuconv.jsonable import Json
    from dlpuconv.network import Node
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.quantization.weights.layer import LayerWeights

_SHOWN = 3
_LONGEST_PRODUCT = (2**31 - 1) // (255 * 255)
"""Terms of a sum of products of two activations of 8 bits, each up to 255 from its zero point, that fit in int32."""


def facts(quantized: Quantized) -> dict[str, Json]:
    """Of every layer its granularity; what was inserted, left out and repaired."""
    layers, plan = quantized.layers, quantized.plan
    kinds = Counter(str(_granularity(layer)) for layer in layers.values())
    return {
        "granularity": dict(kinds),
        "layers": [_layer_facts(node, layer, quantized.names[node].title) for node, layer in layers.items()],
        "requantized": [f"{quantized.names[node].title}[{i}]" for node, i in plan.requantized],
        "absorbed_clamps": [quantized.names[node].title for node in plan.absorbed],
        "integer_outputs": [v.name for v in quantized.network.outputs if not v.is_data],
    }


def warnings(quantized: Quantized) -> list[str]:
    """What the user should know."""
    told = []
    repaired = {node: layer.repaired for node, layer in quantized.layers.items() if layer.repaired}
    if repaired:
        names = listed((quantized.names[node].title for node in repaired), _SHOWN)
        told.append(
            f"{sum(repaired.values())} output channel(s) of {len(repaired)} layer(s) ({names}) got a coarser weight"
            " scale, because their sums could have overflowed 32 bits"
        )
    long = [node for node in quantized.network.nodes if node.meaning.terms > _LONGEST_PRODUCT]
    if long:
        names = listed((quantized.names[node].title for node in long), _SHOWN)
        told.append(f"products of activations in {names} add up over {_LONGEST_PRODUCT} terms and may overflow")
    whole = [v.name for v in quantized.network.outputs if not v.is_data]
    if whole:
        told.append(f"output(s) {', '.join(whole)} hold indices or truth values and keep their integer type")
    return told


def _granularity(layer: LayerWeights) -> Granularity:
    return Granularity.PER_CHANNEL if layer.affine.per_channel else Granularity.PER_TENSOR


def _layer_facts(node: Node, layer: LayerWeights, title: str) -> dict[str, Json]:
    found: dict[str, Json] = {"name": title, "op": node.kind, "granularity": str(_granularity(layer))}
    if layer.dead:
        found["dead_channels"] = layer.dead
    if layer.repaired:
        found["repaired_channels"] = layer.repaired
    return found

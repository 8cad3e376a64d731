"""What there is to say about a quantized graph: facts for the manifest, warnings for the user."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.scheme import Granularity
from dlpuconv_backends.tflite.operators import data_inputs

if TYPE_CHECKING:
    from dlpuconv.jsonable import Json
    from dlpuconv_backends.flatbuffer import Graph, Operator
    from dlpuconv_backends.tflite.quantizer import Quantized
    from dlpuconv_backends.tflite.weights import LayerWeights

_LONGEST_PRODUCT = (2**31 - 1) // (255 * 255)
"""Terms of a sum of products of two int8 activations, each up to 255 from its zero point, that fit in int32."""


def facts(quantized: Quantized) -> dict[str, Json]:
    """Of every layer its granularity; what was inserted, left out and repaired."""
    layers = quantized.layers
    kinds = Counter(str(_granularity(layer)) for layer in layers.values())
    return {
        "granularity": dict(kinds),
        "layers": [_layer_facts(op, layer, quantized.names[op].title) for op, layer in layers.items()],
        "requantized": [f"{quantized.names[op].title}[{i}]" for op, i in quantized.plan.requantized],
        "absorbed_clamps": [quantized.names[op].title for op in quantized.plan.absorbed],
        "integer_outputs": [t.name for t in quantized.graph.outputs if t.quantization is None],
    }


def warnings(quantized: Quantized, graph: Graph) -> list[str]:
    """What the user should know.

    Args:
        quantized: the result.
        graph: the float graph that it was made of.
    """
    told = []
    repaired = {op: layer.repaired for op, layer in quantized.layers.items() if layer.repaired}
    if repaired:
        names = ", ".join(quantized.names[op].title for op in list(repaired)[:3])
        told.append(
            f"{sum(repaired.values())} output channel(s) of {len(repaired)} layer(s) ({names}...) got a coarser weight"
            " scale, because their sums could have overflowed 32 bits"
        )
    long = [op for op in graph.operators if op.kind == "BATCH_MATMUL" and _terms(op) > _LONGEST_PRODUCT]
    if long:
        names = ", ".join(quantized.names[op].title for op in long[:3])
        told.append(f"products of activations in {names} add up over {_LONGEST_PRODUCT} terms and may overflow")
    whole = [t.name for t in quantized.graph.outputs if t.quantization is None]
    if whole:
        told.append(f"output(s) {', '.join(whole)} hold indices or truth values and keep their integer type")
    return told


def _granularity(layer: LayerWeights) -> Granularity:
    return Granularity.PER_CHANNEL if layer.affine.per_channel else Granularity.PER_TENSOR


def _layer_facts(op: Operator, layer: LayerWeights, title: str) -> dict[str, Json]:
    found: dict[str, Json] = {
        "name": title,
        "op": op.kind,
        "granularity": str(_granularity(layer)),
    }
    if layer.dead:
        found["dead_channels"] = layer.dead
    if layer.repaired:
        found["repaired_channels"] = layer.repaired
    return found


def _terms(op: Operator) -> int:
    """Length of the sums of a BATCH_MATMUL: the contracted extent of its first operand."""
    shape = data_inputs(op)[0][1].shape
    return int(np.prod(shape[-2:-1] if getattr(op.options, "adjX", False) else shape[-1:]))

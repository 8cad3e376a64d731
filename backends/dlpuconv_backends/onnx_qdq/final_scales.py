"""The plan's scales as a file has them: some that ONNX Runtime's kernels let be chosen better than any format's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.plugin import Affine
from dlpuconv.plugin.quantization import Range, Scales, range_of
from dlpuconv_backends.onnx_qdq.groups import clip_bounds
from dlpuconv_backends.onnx_qdq.network import group_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from dlpuconv.plugin import Coding
    from dlpuconv.plugin.quantization import Node, Quantized, Value
    from dlpuconv_backends.onnx_qdq.network import OnnxNetwork

_JOINS = "Concat"
_PRODUCTS = frozenset({"Gemm", "MatMul"})
_MIXED = 2.0
"""Steps that are so much coarser than a part's own cost it 6 dB."""
_TRUNCATES = "Resize"


def float_tail(quantized: Quantized, network: OnnxNetwork) -> set[Node]:
    """Concatenations of unlike parts that lead to outputs alone, and what moves their values on: they stay in floats.

    Scores beside boxes in pixels keep the steps of their own so: the ends are floats anyway, and nobody computes there.
    """
    scales, readers = quantized.plan.scales, network.consumers()
    leading_out: set[Node] = set()
    for node in reversed(network.nodes):
        moved = node.kind == _JOINS or node.meaning.moves
        seen = node.output in network.outputs or node.output in readers
        if moved and seen and leading_out.issuperset(r for v in node.outputs for r in readers.get(v, [])):
            leading_out.add(node)
    found: set[Node] = set()
    made_by = network.producers()
    for node in network.nodes:
        if node in leading_out and (_is_mixed(node, scales) or any(made_by.get(v) in found for v in node.activations)):
            found.add(node)
    return found


def float_ends(network: OnnxNetwork, tail: AbstractSet[Node]) -> set[Node]:
    """Products of matrices that nobody reads as codes: their integer kernels give floats as well, unlike Conv's."""
    readers = network.consumers()
    return {
        node
        for node in network.nodes
        if group_of(node).nodes[0].op_type in _PRODUCTS
        and group_of(node).clip is None
        and not any(group_of(r).integer and r not in tail for r in readers.get(node.output, []))
    }


def _is_mixed(node: Node, scales: Mapping[Value, Affine]) -> bool:
    steps = [scales[value].scale for value in node.activations if value in scales]
    return node.kind == _JOINS and scales[node.output].scale >= _MIXED * min(steps, default=math.inf)


def final_scales(quantized: Quantized, network: OnnxNetwork, tail: AbstractSet[Node]) -> dict[Value, Affine]:
    """The scale of each activation that has one.

    Args:
        quantized: has the plan.
        network: of that.
        tail: nodes that stay in floats.
    """
    scales = dict(quantized.plan.scales)
    made_by, readers = network.producers(), network.consumers()
    for node in reversed(network.nodes):
        if node.kind == _JOINS and node not in tail:
            for value in node.activations:
                if value in made_by and _may_adopt(made_by[value], readers[value], scales[node.output], quantized):
                    scales[value] = scales[node.output]
    for node in network.nodes:
        _keep_apart(node, scales, quantized.scheme.activation_codes)
    return scales


def saturates(node: Node, affine: Affine, network: OnnxNetwork) -> bool:
    """Whether no code of a layer's output lies outside of the clip that is fused behind it."""
    clip = group_of(node).clip
    bounds = None if clip is None else clip_bounds(network.graph, clip)
    held = range_of(affine, network.coding.type)
    return bounds is not None and held.within(Range(*bounds), slack=affine.scale / 2)


def _may_adopt(node: Node, readers: Sequence[Node], affine: Affine, quantized: Quantized) -> bool:
    """Whether what only a Concat reads may have the scale of what that makes: it is rounded once then, not twice."""
    network: OnnxNetwork = quantized.network  # type: ignore[assignment] # the backend's own
    alone = len(readers) == 1 and node.output not in network.outputs
    chosen = node.meaning.scales is Scales.FREE and node.meaning.clamp is None
    free = chosen and node.kind not in quantized.scheme.prescribed
    return alone and free and (group_of(node).clip is None or saturates(node, affine, network))


def _keep_apart(node: Node, scales: dict[Value, Affine], coding: Coding) -> None:
    """Give what a float Resize makes of codes the next scale that the coding allows, if it is the same.

    Between equal scales ONNX Runtime would resize the codes themselves, and its kernel for bytes cuts averages off,
    half a step too low.
    """
    found = group_of(node)
    if found.integer or found.nodes[-1].op_type != _TRUNCATES or node.output not in scales:
        return
    affine = scales[node.output]
    if any(scales.get(value) == affine for value in node.activations):
        above = (
            affine.scale * 2
            if coding.power_of_two
            else float(np.nextafter(np.float32(affine.scale), np.float32(np.inf)))
        )
        scales[node.output] = Affine.of(above, affine.zero_point)

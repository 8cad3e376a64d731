"""CONCATENATION(TRANSPOSE_CONV of each part of SPLIT(x)) -> TRANSPOSE_CONV(x) with zeros between the groups.

TFLite's TRANSPOSE_CONV knows no groups, so a depthwise up-sampling of 64 channels would become 64 operators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv_backends.cleanup.layers import WeightedOperator, layer
from dlpuconv_backends.cleanup.uses import Uses
from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph

_LARGEST = 1 << 22  # weights; beyond that the zeros cost more than the operators


def merge_grouped_deconv(graph: Graph) -> int:
    """Rewrite in place; how many were merged. What nobody reads any more is left for `drop_dead`."""
    uses = Uses(graph)
    merged = 0
    for op in list(graph.operators):
        if op.kind != "CONCATENATION" or op.options.axis % len(op.output.shape) != len(op.output.shape) - 1:
            continue
        convs = [layer(uses.sole_producer(t)) for t in op.inputs]
        groups = [c for c in convs if c is not None and c.op.kind == "TRANSPOSE_CONV"]
        source = _split_source(groups, uses) if len(groups) == len(op.inputs) else None
        if source is not None and not op.options.fusedActivationFunction and _alike(groups):
            graph.operators[graph.operators.index(op)] = _dense(op, source, groups)
            merged += 1
    return merged


def _split_source(groups: list[WeightedOperator], uses: Uses) -> Tensor | None:
    """What a SPLIT on channels cuts into just these groups, in this order."""
    split = uses.producer(groups[0].op.input(2))
    if split is None or split.kind != "SPLIT" or split.outputs != [g.op.input(2) for g in groups]:
        return None
    source = split.input(1)
    return source if source.shape[:-1] == split.output.shape[:-1] else None


def _alike(groups: list[WeightedOperator]) -> bool:
    first = groups[0]
    same = all(
        vars(g.op.options) == vars(first.op.options)
        and g.weights.shape == first.weights.shape
        and (g.bias is None) == (first.bias is None)
        for g in groups
    )
    return same and first.weights.size * len(groups) ** 2 <= _LARGEST


def _dense(op: Operator, source: Tensor, groups: list[WeightedOperator]) -> Operator:
    outputs, height, width, inputs = groups[0].weights.shape
    weights = np.zeros((outputs * len(groups), height, width, inputs * len(groups)), np.float32)
    for i, group in enumerate(groups):
        weights[i * outputs : (i + 1) * outputs, :, :, i * inputs : (i + 1) * inputs] = group.weights
    name = op.output.name
    shape = Tensor.constant(f"{name}/output_shape", np.array(op.output.shape, np.int32))
    operands: list[Tensor | None] = [shape, Tensor.constant(f"{name}/weights", weights), source]
    biases = [g.bias for g in groups if g.bias is not None]
    if biases:
        operands.append(Tensor.constant(f"{name}/bias", np.concatenate(biases)))
    return Operator("TRANSPOSE_CONV", operands, [op.output], groups[0].op.options, op.source_name)

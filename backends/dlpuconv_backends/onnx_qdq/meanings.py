"""What the quantizer must know of one group of nodes: its operator's entry in `FORMS`, and what the nodes add."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.plugin.quantization import Meaning, Range, Scales
from dlpuconv_backends.onnx_qdq.graph import attribute
from dlpuconv_backends.onnx_qdq.groups import clip_bounds
from dlpuconv_backends.onnx_qdq.operators import FORMS, score_scale
from dlpuconv_backends.onnx_qdq.parallel import keeps_channels
from dlpuconv_backends.onnx_qdq.ties import is_product, ties_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx

    from dlpuconv.plugin import Coding
    from dlpuconv.plugin.quantization import Value
    from dlpuconv_backends.onnx_qdq.graph import OnnxGraph
    from dlpuconv_backends.onnx_qdq.groups import FusedGroup
    from dlpuconv_backends.onnx_qdq.network import ReadPlace

_FLOAT = Meaning(scales=Scales.FREE)
_INDICES = Meaning(scales=Scales.READS)
_SEEN: dict[str, Range] = {"HardSwish": Range(-3.0, math.inf)}
"""By float operator: what it can tell apart."""


def meaning_of(
    graph: OnnxGraph, group: FusedGroup, values: tuple[Sequence[Value | None], Sequence[Value]], coding: Coding
) -> Meaning:
    """What a group does.

    Args:
        graph: float.
        group: of its nodes.
        values: what it reads, and what it makes.
        coding: of the activations.
    """
    inputs, outputs = values
    node = group.nodes[0]
    if group.layer:
        return replace(FORMS[node.op_type].meaning, ties=())
    return replace(
        _of_values(graph, group, values, coding),
        keeps_channels=keeps_channels(group, inputs, outputs),
        knows_channels=_knows_channels(graph, group, inputs, outputs),
    )


def _of_values(
    graph: OnnxGraph, group: FusedGroup, values: tuple[Sequence[Value | None], Sequence[Value]], coding: Coding
) -> Meaning:
    """What a group without weights does to scales."""
    inputs, outputs = values
    node = group.nodes[0]
    if not group.integer:
        return _of_floats(graph, group, inputs, outputs)
    form = FORMS[node.op_type]
    ties = ties_of(graph, node, inputs, outputs)
    product = is_product(node, inputs, outputs)
    meaning = replace(form.meaning, fixed=score_scale(coding) if form.score else None, ties=ties, product=product)
    return _with_bounds(graph, node, _with_axes(node, meaning, inputs))


def _knows_channels(
    graph: OnnxGraph, group: FusedGroup, inputs: Sequence[Value | None], outputs: Sequence[Value]
) -> bool:
    """Whether constants are hidden in floats among themselves, or too short to reach the channels' axis."""
    if not group.integer:
        read = {name for node in group.nodes for name in node.input}
        return any(graph.is_float(name) and graph.constants[name].size > 1 for name in read & graph.constants.keys())
    made = outputs[0]
    place: ReadPlace = made.handle  # type: ignore[assignment] # the adapter's own
    reach = len(made.shape) - place.axis % max(len(made.shape), 1)
    known = [value for value in inputs if value is not None and value.is_data and value.data is not None]
    return any(value.data is not None and value.data.size > 1 and value.data.ndim < reach for value in known)


def _of_floats(
    graph: OnnxGraph, group: FusedGroup, inputs: Sequence[Value | None], outputs: Sequence[Value]
) -> Meaning:
    if not any(value.is_data for value in outputs):
        return _INDICES
    if len(group.nodes) > 1:
        return _FLOAT
    (node,) = group.nodes
    return replace(_FLOAT, sees=_SEEN.get(node.op_type, _FLOAT.sees), ties=ties_of(graph, node, inputs, outputs))


def _with_axes(node: onnx.NodeProto, meaning: Meaning, inputs: Sequence[Value | None]) -> Meaning:
    """Axes are told channels last, which only those of softmax, concatenations and products are asked for."""
    first = inputs[0]
    assert first is not None
    place: ReadPlace = first.handle  # type: ignore[assignment] # the adapter's own
    rank = len(first.shape)
    moved = [*range(rank)]
    if moved:
        moved.append(moved.pop(place.axis))
    if node.op_type == "Softmax":
        return replace(meaning, rows=moved[-1] == attribute(node, "axis", -1) % rank)
    if node.op_type == "Concat":
        same = all(v is not None and v.handle.axis % rank == place.axis % rank for v in inputs)  # type: ignore[attr-defined] # likewise
        return replace(meaning, joins=moved.index(attribute(node, "axis") % rank) if same else None)
    if node.op_type == "MatMul":
        return replace(meaning, terms=first.shape[moved.index(rank - 1)])
    return meaning


def _with_bounds(graph: OnnxGraph, node: onnx.NodeProto, meaning: Meaning) -> Meaning:
    bounds = clip_bounds(graph, node)
    if bounds is None:
        return meaning
    low, high = bounds
    clip = float(max(abs(low), abs(high))) if np.isfinite(high) and low in (0.0, -high) else None
    kept = Range(low, high)
    return replace(meaning, clamp=kept, sees=kept, clip=clip)

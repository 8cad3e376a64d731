"""Which real values each activation's scale should hold, as an observer sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.quantization.observers import solve
from dlpuconv_backends.tflite.numbers import ALL, Range
from dlpuconv_backends.tflite.outward import leading_out
from dlpuconv_backends.tflite.saturation import distinguished

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.quantization import Observer
    from dlpuconv.quantization.observers import Spread
    from dlpuconv_backends.flatbuffer import Graph


def observed_ranges(
    graph: Graph, observed: Mapping[str, Range], spreads: Mapping[str, Spread], observer: Observer
) -> dict[str, Range]:
    """The ranges that an observer chooses, by tensor name.

    What no reader can tell apart counts for nothing. Inputs, and what leads out of the graph, keep their whole range,
    whatever the observer says: the few logits above all others are a detector's detections, so that the rarest values
    of an output are those that it was made for, and what saturates at an end is seen from outside.

    Args:
        graph: float.
        observed: lowest and highest value.
        spreads: of the same tensors; one without keeps its whole range.
        observer: the method.
    """
    tensors = {t.name: t for t in graph.tensors()}
    needs = distinguished(graph, {tensors[name]: values for name, values in observed.items()})
    kept = leading_out(graph).union(graph.inputs)
    found = {}
    for name, values in observed.items():
        needed = values.clamped_to(needs.get(tensors[name], ALL))
        whole = name not in spreads or tensors[name] in kept
        found[name] = values if whole else Range(*solve(observer, spreads[name], needed.low, needed.high))
    return found

"""Which real values each activation's scale should hold, as an observer sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.quantization import Observer
from dlpuconv.quantization.observers import solve
from dlpuconv_backends.tflite.numbers import ALL, Range
from dlpuconv_backends.tflite.operators import SPECS, Scales, data_inputs
from dlpuconv_backends.tflite.saturation import distinguished

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.quantization.observers import Spread
    from dlpuconv_backends.flatbuffer import Graph, Tensor


def observed_ranges(
    graph: Graph, observed: Mapping[str, Range], spreads: Mapping[str, Spread], observer: Observer
) -> dict[str, Range]:
    """The ranges that an observer chooses, by tensor name.

    What no reader can tell apart counts for nothing. The robust observer, which is the default, keeps the graph's ends
    whole: a saturated one would be seen from outside, whatever the squared error says.

    Args:
        graph: float.
        observed: lowest and highest value.
        spreads: of the same tensors; one without keeps its whole range.
        observer: the method.
    """
    tensors = {t.name: t for t in graph.tensors()}
    needs = distinguished(graph, {tensors[name]: values for name, values in observed.items()})
    kept = {t.name for t in _ends(graph)} if observer is Observer.ROBUST else set()
    found = {}
    for name, values in observed.items():
        needed = values.clamped_to(needs.get(tensors[name], ALL))
        whole = name not in spreads or name in kept
        found[name] = values if whole else Range(*solve(observer, spreads[name], needed.low, needed.high))
    return found


def _ends(graph: Graph) -> set[Tensor]:
    """Inputs, outputs, and what only moves on its way into an output."""
    kept = {*graph.inputs, *graph.outputs}
    for op in reversed(graph.operators):
        spec = SPECS.get(op.kind)
        if spec is not None and spec.scales is Scales.SAME and not kept.isdisjoint(op.outputs):
            kept.update(t for _, t in data_inputs(op))
    return kept

"""What the passes did, and declined to do, by the layers of the source model."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from dlpuconv.checkup import ExplainedLayer, Explanation, Rewriting
from dlpuconv.ir.layer_names import LayerNames, tell_apart
from dlpuconv.ir.source_names import source_names

if TYPE_CHECKING:
    from dlpuconv.ir import Model
    from dlpuconv.passes import NormalFormReport, PassReport


def explain(source: Model, report: NormalFormReport) -> Explanation:
    """Sort the report of a normalization by layers; what is equal for one layer becomes one entry.

    Args:
        source: the model as it was read.
        report: what its normalization did.
    """
    done: dict[str, Counter[tuple[PassReport, str]]] = defaultdict(Counter)
    declined: dict[str, Counter[tuple[PassReport, str]]] = defaultdict(Counter)
    for entry in report.passes:
        for node in entry.nodes:
            done[node][entry, ""] += 1
        for left in entry.declined:
            declined[left.node][entry, left.reason] += 1
    layers = tuple(
        ExplainedLayer(names=names, op=op, done=_entries(done[node]), declined=_entries(declined[node]))
        for node, (names, op) in _layers(source, (*done, *declined)).items()
        if node in done or node in declined
    )
    network = (
        Rewriting(rewrite=entry.name, title=entry.title, times=entry.fired)
        for entry in report.passes
        if entry.fired > len(entry.nodes)
    )
    return Explanation(layers=layers, network=tuple(network))


def _entries(counted: Counter[tuple[PassReport, str]]) -> tuple[Rewriting, ...]:
    return tuple(
        Rewriting(rewrite=entry.name, title=entry.title, reason=reason, times=times)
        for (entry, reason), times in counted.items()
    )


def _layers(source: Model, nodes: tuple[str, ...]) -> dict[str, tuple[LayerNames, str]]:
    """Names and operator by node, in the order of the source; then nodes that it does not have."""
    known = source_names(source.graph.graph)
    graph = {node.name or "": node for node in source.graph.graph}
    strange = [name for name in dict.fromkeys(nodes) if name not in graph]
    names = [
        *(known.layer(node.outputs[0].name or "", name) for name, node in graph.items()),
        *(LayerNames(tensor=name) for name in strange),
    ]
    operators = [*(node.op_type for node in graph.values()), *("" for _ in strange)]
    return dict(zip((*graph, *strange), zip(tell_apart(names), operators, strict=True), strict=True))

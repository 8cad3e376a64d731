"""What rewrites did, and declined to do, by the layers of the source model."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from dlpuconv.checkup import ExplainedLayer, Explanation, Rewriting
from dlpuconv.ir.layer_names import LayerNames, tell_apart
from dlpuconv.ir.source_names import ORIGIN, source_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dlpuconv.ir import Model
    from dlpuconv.passes import PassReport


def explain(source: Model, reports: Iterable[PassReport], names: Mapping[str, str]) -> Explanation:
    """Sort what was done by layers; what is equal for one layer becomes one entry.

    Args:
        source: the model as it was read.
        reports: of the rewrites, in their order.
        names: by the name of a node that they may tell: that of the source's node that it stands for.
    """
    reports = tuple(reports)
    done: dict[str, Counter[tuple[PassReport, str]]] = defaultdict(Counter)
    declined: dict[str, Counter[tuple[PassReport, str]]] = defaultdict(Counter)
    for entry in reports:
        for node in entry.nodes:
            done[names.get(node, node)][entry, ""] += 1
        for left in entry.declined:
            declined[names.get(left.node, left.node)][entry, left.reason] += 1
    layers = tuple(
        ExplainedLayer(names=names, op=op, done=_entries(done[node]), declined=_entries(declined[node]))
        for node, (names, op) in _layers(source, (*done, *declined)).items()
        if node in done or node in declined
    )
    network = (
        Rewriting(rewrite=entry.name, title=entry.title, times=entry.fired)
        for entry in reports
        if entry.fired > len(entry.nodes)
    )
    return Explanation(layers=layers, network=tuple(network))


def origins(model: Model) -> dict[str, str]:
    """By the name of each node of a rewritten model: that of the source's node that it is made of."""
    return {node.name: node.metadata_props.get(ORIGIN, node.name) for node in model.graph.graph if node.name}


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

"""Clean-up of a float TFLite graph: an ordered list of rewrites, each in a file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv_backends.cleanup.canonicalize import canonicalize
from dlpuconv_backends.cleanup.fold_constants import fold_constants
from dlpuconv_backends.cleanup.layout import choose_layouts

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph


def clean(graph: Graph, source_transposes: frozenset[str]) -> dict[str, tuple[int, ...]]:
    """Clean a graph in place.

    Args:
        graph: as lowered: every value in ONNX's own layout.
        source_transposes: names of the source model's own Transpose nodes.

    Returns:
        By output name: axis i of the graph's output is axis permutation[i] of the source's.
    """
    names = [t.name for t in graph.outputs]
    fold_constants(graph)
    canonicalize(graph)
    labels = choose_layouts(graph, source_transposes)
    permutations = {name: labels[t] for name, t in zip(names, graph.outputs, strict=True)}
    for name, tensor in zip(names, graph.outputs, strict=True):
        tensor.name = name
    return permutations

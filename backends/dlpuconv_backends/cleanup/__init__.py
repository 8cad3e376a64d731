"""Clean-up of a float TFLite graph: an ordered list of rewrites, each in a file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    return {t.name: tuple(range(len(t.shape))) for t in graph.outputs}

"""An output that is also an input of the graph, or another output, gets a tensor of its own (a RESHAPE that copies)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv_backends.flatbuffer.build import reshape

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph


def own_outputs(graph: Graph) -> int:
    """Rewrite in place; how many copies were needed."""
    seen = set(graph.inputs)
    copies = 0
    for index, tensor in enumerate(graph.outputs):
        if tensor in seen or tensor.is_constant:
            copy = reshape(tensor, tensor.shape)
            graph.operators.append(copy)
            graph.outputs[index] = copy.output
            copies += 1
        seen.add(graph.outputs[index])
    return copies

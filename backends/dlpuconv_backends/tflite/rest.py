"""A part for the camera's CPU: a float graph whose ends are the source model's, axis by axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv_backends.flatbuffer import Tensor
from dlpuconv_backends.flatbuffer.build import transpose

if TYPE_CHECKING:
    from dlpuconv_backends.lowering import Lowered


def restore_layouts(lowered: Lowered) -> None:
    """Turn the axes of every output back to the source model's order, in place."""
    graph = lowered.graph
    for index, turned in enumerate(graph.outputs):
        permutation = lowered.output_permutations[turned.name]
        inverse = tuple(permutation.index(axis) for axis in range(len(permutation)))
        if inverse == tuple(range(len(inverse))):
            continue
        shape = tuple(turned.shape[axis] for axis in inverse)
        whole = Tensor(turned.name, shape, turned.dtype, source_names=turned.source_names)
        turned.name += "/turned"
        graph.operators.append(transpose(turned, inverse, whole))
        graph.outputs[index] = whole

"""Equal constants become one tensor: the steps of an unrolled recurrent layer read the same weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv_backends.flatbuffer import content_key

if TYPE_CHECKING:
    from collections.abc import Hashable

    from dlpuconv_backends.flatbuffer import Graph, Tensor


def share_constants(graph: Graph) -> None:
    """Let operators read the first of equal constants, in place; outputs of the graph keep their own."""
    first: dict[Hashable, Tensor] = {}
    kept = set(graph.outputs)
    for op in graph.operators:
        op.inputs = [
            tensor
            if tensor is None or tensor.data is None or tensor in kept
            else first.setdefault(_key(tensor), tensor)
            for tensor in op.inputs
        ]


def _key(tensor: Tensor) -> Hashable:
    assert tensor.data is not None
    return tensor.shape, str(tensor.dtype), tensor.quantization, content_key(tensor.data)

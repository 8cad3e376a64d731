"""Tensor names that are unique: statistics are kept by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer import Graph


def name_uniquely(graph: Graph) -> None:
    """Rename tensors whose name another one has; inputs and outputs keep theirs."""
    taken: set[str] = set()
    ends = list(dict.fromkeys([*graph.inputs, *graph.outputs]))
    for tensor in [*ends, *(t for t in graph.tensors() if t not in set(ends))]:
        name, number = tensor.name, 1
        while not name or name in taken:
            number += 1
            name = f"{tensor.name or 'tensor'}/{number}"
        tensor.name = name
        taken.add(name)

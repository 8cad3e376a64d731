"""Names of tensors, which are unique as statistics are kept by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer import Graph, Operator


def aliases_of(op: Operator, graph: Graph) -> tuple[str, ...]:
    """What else the output of a float graph's operator may be found under in the file."""
    return (inner_name(op.output.name),) if op.output.dtype.kind == "f" and op.output in graph.outputs else ()


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


def inner_name(name: str) -> str:
    """What a tensor of int8 is called behind an input or in front of an output of uint8, which keeps the name."""
    return f"{name}_int8"

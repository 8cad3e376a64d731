"""Names: of tensors, which are unique as statistics are kept by them, and of layers, as users know them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.ir.layer_names import LayerNames, tell_apart

if TYPE_CHECKING:
    from dlpuconv.ir.source_names import SourceNames
    from dlpuconv_backends.flatbuffer import Graph, Operator


def names_of(graph: Graph, source: SourceNames) -> dict[Operator, LayerNames]:
    """What the operators of a float graph, or of the integer one that is made of it, may be called.

    Args:
        graph: tensor names are unique.
        source: what the source model calls its nodes.
    """
    ends = {tensor for tensor in graph.outputs if tensor.dtype.kind == "f"}  # integer ones have their final names
    found = [_names(op, source) for op in graph.operators]
    known = [
        replace(names, values=(*names.values, inner_name(names.tensor))) if op.output in ends else names
        for op, names in zip(graph.operators, found, strict=True)
    ]
    return dict(zip(graph.operators, tell_apart(known), strict=True))


def _names(op: Operator, source: SourceNames) -> LayerNames:
    if op.kind == "QUANTIZE" and not op.source_name:  # added between two scales: no node of the source stands for it
        return LayerNames(tensor=op.output.name)
    return source.layer(op.output.name, op.source_name, op.output.source_names)


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

"""A part of a network as a model of its own."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from dlpuconv.errors import ModelError
from dlpuconv.ir.nodes import free_names
from dlpuconv.ir.protobuf import GRAPH, copy_fields
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx


def extract(proto: onnx.ModelProto, inputs: Sequence[str], outputs: Sequence[str]) -> onnx.ModelProto:
    """The operators between some values, as a valid model whose inputs and outputs have these names, in this order.

    Args:
        proto: flat, with types of its values; it is not changed.
        inputs: where the part begins; what is not needed is left out.
        outputs: where it ends; none of them is an input.

    Raises:
        ModelError: an output needs an input of the network that is not among `inputs`.
    """
    import onnx

    graph = proto.graph
    nodes, read = _between(graph, frozenset(inputs), outputs)
    lost = [value.name for value in graph.input if value.name in read and value.name not in inputs]
    if lost:
        raise ModelError(
            f"{listed(map(repr, outputs))} cannot be computed without the input {listed(map(repr, lost))}",
            id="cut-needs-input",
        )
    part = onnx.ModelProto()
    copy_fields(proto, part, lambda number: number != GRAPH)
    part.graph.name = graph.name or "part"
    part.graph.node.extend(nodes)
    _rename_given(part.graph, frozenset(inputs))
    part.graph.initializer.extend(tensor for tensor in graph.initializer if tensor.name in read)
    known = {value.name: value for value in (*graph.input, *graph.value_info, *graph.output)}
    part.graph.input.extend(known[name] for name in inputs if name in read)
    part.graph.output.extend(known.get(name, onnx.ValueInfoProto(name=name)) for name in outputs)
    inside = {name for node in nodes for name in node.output} - set(outputs)
    part.graph.value_info.extend(value for name, value in known.items() if name in inside)
    return part


def _rename_given(graph: onnx.GraphProto, given: frozenset[str]) -> None:
    """Give other names to inputs that an operator makes which is there for its other outputs, in place."""
    taken = given.union(*(node.output for node in graph.node))
    for node in graph.node:
        for index, name in enumerate(node.output):
            if name in given:
                node.output[index] = next(free for n in count() if (free := f"{name}_again_{n}") not in taken)


def _between(
    graph: onnx.GraphProto, inputs: frozenset[str], outputs: Sequence[str]
) -> tuple[list[onnx.NodeProto], set[str]]:
    """The nodes that make the outputs of the inputs, in running order, and all that they read, outputs included."""
    read, nodes = set(outputs), []
    for node in reversed(graph.node):
        if (set(node.output) - inputs) & read:
            nodes.append(node)
            read |= free_names(node)
    return nodes[::-1], read

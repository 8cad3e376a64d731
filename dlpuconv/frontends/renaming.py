"""Names of values where the nodes of a subgraph move into the graph around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.frontends.protos import walk_nodes
from dlpuconv.ir.nodes import subgraphs

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx


def rename(node: onnx.NodeProto, names: Mapping[str, str]) -> None:
    """Give values other names, in place, in subgraphs too."""
    for values in (node.input, node.output):
        for index, name in enumerate(values):
            values[index] = names.get(name, name)
    for graph in subgraphs(node):
        for inner in graph.node:
            rename(inner, names)
        for value in graph.output:
            value.name = names.get(value.name, value.name)


def fresh(name: str, taken: set[str]) -> str:
    """A name like this one that is not taken, and is from then on."""
    number = 0
    free = f"{name}_taken"
    while free in taken:
        number += 1
        free = f"{name}_taken_{number}"
    taken.add(free)
    return free


def all_names(graph: onnx.GraphProto) -> set[str]:
    """Every name of a value, those of subgraphs included."""
    names = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    return names | {name for node in walk_nodes(graph.node) for name in (*node.input, *node.output)}

"""Checks of the graph: every value made once and before it is used, no cycle, inputs and outputs that exist."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dlpuconv.errors import ModelError
from dlpuconv.frontends.report import raise_together
from dlpuconv.ir.nodes import free_names, label, subgraphs
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx


DEEPEST = 16
"""Graphs within graphs; protobuf itself gives up after some thirty, in the middle of things."""


def screen_nesting(model: onnx.ModelProto) -> None:
    """Check how deep graphs lie within graphs.

    Raises:
        ModelError: deeper than any exporter writes.
    """
    level = [model.graph.node, *(function.node for function in model.functions)]
    for _ in range(DEEPEST):
        level = [graph.node for nodes in level for node in nodes for graph in subgraphs(node)]
        if not level:
            return
    raise ModelError(f"graphs are nested more than {DEEPEST} deep in the model", id="model-too-deep")


def screen_structure(graph: onnx.GraphProto) -> None:
    """Check the main graph, and put its nodes into an order in which they can run.

    Raises:
        ModelError: the graph is empty, a value is made twice or never, or the nodes form a cycle.
    """
    raise_together([ModelError(text, id="graph-inconsistent") for text in _problems(graph)])
    _sort(graph)


def _problems(graph: onnx.GraphProto) -> Iterator[str]:
    if not graph.node:
        yield "the model holds no operators"
    if not graph.output:
        yield "the model has no outputs"
    made = Counter(name for node in graph.node for name in node.output if name)
    given = {value.name for value in graph.input}
    constants = Counter(tensor.name for tensor in graph.initializer)
    constants.update(sparse.values.name for sparse in graph.sparse_initializer)
    yield from (f"the value {name!r} is made by {times} operators" for name, times in made.items() if times > 1)
    yield from (f"there are {times} initializers named {name!r}" for name, times in constants.items() if times > 1)
    yield from (f"{name!r} is an operator's output and also an input or initializer"
                for name in made if name in given or name in constants)  # fmt: skip
    for kind, values in (("input", graph.input), ("output", graph.output)):
        names = Counter(value.name for value in values)
        yield from (f"the {kind} {name!r} is listed {times} times" for name, times in names.items() if times > 1)
        if "" in names:
            yield f"an {kind} has no name"
    known = {*made, *given, *constants}
    for node in graph.node:
        for name in free_names(node):
            if name not in known:
                yield f"{label(node)} reads {name!r}, which nothing makes"
    yield from (f"nothing makes the output {v.name!r}" for v in graph.output if v.name and v.name not in known)


def _sort(graph: onnx.GraphProto) -> None:
    """Kahn's algorithm; nodes that are in order already keep their places."""
    maker = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    needs = [{maker[name] for name in free_names(node) if name in maker} for node in graph.node]
    if all(not wanted or max(wanted) < index for index, wanted in enumerate(needs)):
        return
    users: list[list[int]] = [[] for _ in needs]
    for index, wanted in enumerate(needs):
        for maker_index in wanted:
            users[maker_index].append(index)
    missing = [len(wanted) for wanted in needs]
    order = [index for index, count in enumerate(missing) if not count]
    for index in order:
        for user in users[index]:
            missing[user] -= 1
            if not missing[user]:
                order.append(user)
    if len(order) < len(needs):
        stuck = [label(graph.node[index]) for index, count in enumerate(missing) if count]
        raise ModelError(
            f"the graph has a cycle: {listed(stuck, 4)} each need what another of them makes", id="graph-cycle"
        )
    nodes = [graph.node[index] for index in order]
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)

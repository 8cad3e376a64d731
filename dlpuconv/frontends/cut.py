"""A model that ends earlier: chosen values become the outputs, and what nothing needs any more goes."""

from __future__ import annotations

from dataclasses import replace
from shlex import quote
from typing import TYPE_CHECKING

from dlpuconv.errors import ModelError
from dlpuconv.ir.nodes import demand_cut, free_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx

    from dlpuconv.ir import Model


def ended_at(model: Model, names: Sequence[str]) -> Model:
    """A model that ends at these values; it shares the weights.

    Raises:
        UsageError: there is no such value, or it is named twice.
        ModelError: a value does not depend on any input.
    """
    from dlpuconv.ir.weights import Split

    split = model.split()
    cut(split.proto.graph, names)
    kept = {value.name for value in split.proto.graph.initializer}
    weights = {name: values for name, values in split.weights.items() if name in kept}
    return replace(model, graph=Split(proto=split.proto, weights=weights).to_graph())


def cut(graph: onnx.GraphProto, names: Sequence[str]) -> None:
    """End the graph at these values, in place and in their order; without names only dead parts are removed.

    Raises:
        UsageError: there is no such value, or it is named twice.
        ModelError: a value does not depend on any input.
    """
    if names:
        _set_outputs(graph, names)
    remove_dead(graph, drop_inputs=bool(names))
    if names and not graph.input:
        raise ModelError(
            f"--cut-at {quote(','.join(names))}: the value is a constant, which depends on no input", id="cut-constant"
        )


def _set_outputs(graph: onnx.GraphProto, names: Sequence[str]) -> None:
    import onnx

    made = [name for node in graph.node for name in node.output if name]
    known = {value.name: value for value in (*graph.value_info, *graph.output)}
    nodes = {node.name: node.output[0] for node in graph.node if node.name and node.output}
    demand_cut(list(names), made, nodes)
    outputs = [onnx.ValueInfoProto.FromString(known[n].SerializeToString()) if n in known else
               onnx.ValueInfoProto(name=n) for n in names]  # fmt: skip
    del graph.output[:]
    graph.output.extend(outputs)


def remove_dead(graph: onnx.GraphProto, *, drop_inputs: bool = False) -> None:
    """Remove operators and initializers that no output needs, in place; inputs too, if so asked."""
    wanted = {value.name for value in graph.output}
    keep: list[bool] = []
    for node in reversed(graph.node):
        alive = any(name in wanted for name in node.output)
        keep.append(alive)
        if alive:
            wanted |= free_names(node)
    for index, alive in zip(range(len(graph.node) - 1, -1, -1), keep, strict=True):
        if not alive:
            del graph.node[index]
    for index in range(len(graph.initializer) - 1, -1, -1):
        if graph.initializer[index].name not in wanted:
            del graph.initializer[index]
    for index in range(len(graph.input) - 1, -1, -1):
        if drop_inputs and graph.input[index].name not in wanted:
            del graph.input[index]

"""One order of a graph's nodes that its structure alone decides. Only the worker imports this.

tf2onnx sorts nodes by names too, which differ between a Keras file and the SavedModel of the same network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.ir.nodes import free_names

if TYPE_CHECKING:
    import onnx


def put_in_order(graph: onnx.GraphProto) -> None:
    """Each node behind those that make what it reads, the first operand's first; in place. Dead nodes go."""
    makers = {name: position for position, node in enumerate(graph.node) for name in node.output if name}
    waiting = [makers[value.name] for value in reversed(graph.output) if value.name in makers]
    done: dict[int, None] = {}
    while waiting:
        position = waiting[-1]
        node = graph.node[position]
        read = [*node.input, *sorted(free_names(node) - {*node.input})]
        missing = [makers[name] for name in read if name in makers and makers[name] not in done]
        if position not in done and missing:
            waiting += reversed(missing)
            continue
        done[waiting.pop()] = None
    nodes = [type(graph.node[position]).FromString(graph.node[position].SerializeToString()) for position in done]
    del graph.node[:]
    graph.node.extend(nodes)

"""What a node of an ONNX graph holds, reads and is called, as protobuf."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The graphs in a node's attributes, such as an If's branches."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def free_names(node: onnx.NodeProto) -> set[str]:
    """What a node reads, the values that its subgraphs take from outside included."""
    names = {name for name in node.input if name}
    for graph in subgraphs(node):
        inside = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
        for inner in graph.node:
            names |= free_names(inner) - inside
            inside |= set(inner.output)
        names |= {value.name for value in graph.output if value.name} - inside
    return names


def label(node: onnx.NodeProto) -> str:
    """What to call a node in a message: `Conv '/features/0/Conv'`, or by its output where it has no name."""
    if node.name:
        return f"{node.op_type} {node.name!r}"
    made = next((name for name in node.output if name), "")
    return f"{node.op_type} (which makes {made!r})" if made else node.op_type

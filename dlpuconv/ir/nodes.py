"""What a node of an ONNX graph holds, reads and is called, as protobuf."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

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


def demand_cut(names: Sequence[str], made: Collection[str], nodes: Mapping[str, str]) -> None:
    """Check that a network can end at these values.

    Args:
        names: of the values, as the user gives them.
        made: the values that operators make.
        nodes: the first value of each operator that has a name, by that name.

    Raises:
        UsageError: no operator makes one of them, or it is named twice.
    """
    for name in names:
        if name not in made:
            hint = f" (the operator of this name makes {nodes[name]!r})" if name in nodes else did_you_mean(name, made)
            raise UsageError(
                f"--cut-at {quote(name)}: no operator of the model makes a value of this name{hint}", id="cut-unknown"
            )
        if names.count(name) > 1:
            raise UsageError(f"--cut-at names {name!r} more than once", id="cut-unknown")

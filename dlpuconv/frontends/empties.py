"""Operands without elements: an export joins what an option of it left empty, such as the masks of a plain detector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.frontends.cut import remove_dead

if TYPE_CHECKING:
    import onnx

    from dlpuconv.frontends.inference import Inferred


def drop_empty_operands(graph: onnx.GraphProto, inferred: Inferred) -> None:
    """Take out of every Concat what adds nothing to it, and what only served to make that, in place.

    Concat(x, y of shape [.., 0, ..]) -> Concat(x). One that joins nothing else is left as it is.

    Args:
        graph: the main graph, without functions.
        inferred: the types of its values.
    """
    empty = {name for name, value in inferred.types.items() if _has_none(value)}
    empty |= {tensor.name for tensor in graph.initializer if 0 in tensor.dims}
    changed = False
    for node in graph.node:
        left = [name for name in node.input if name not in empty]
        if node.op_type == "Concat" and not node.domain and 0 < len(left) < len(node.input):
            node.input[:] = left
            changed = True
    if changed:
        remove_dead(graph)


def _has_none(value: onnx.ValueInfoProto) -> bool:
    """Whether one of its axes is known to be empty, however long the others may become."""
    return any(dim.HasField("dim_value") and not dim.dim_value for dim in value.type.tensor_type.shape.dim)

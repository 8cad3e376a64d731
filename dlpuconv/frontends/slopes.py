"""PRelu with slopes of shape [C] for the channels of a map, as MXNet exports it, becomes one with slopes [C, 1, 1].

ONNX aligns shapes at their ends, so that a slope of shape [C] is for columns; where there are not C of them, the model
cannot be run. MXNet means channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.frontends.inference import extents, is_static

if TYPE_CHECKING:
    import onnx

    from dlpuconv.frontends.inference import Inferred


def align_slopes(graph: onnx.GraphProto, inferred: Inferred) -> None:
    """Give slopes of channels the axes that are behind these, in place.

    Where one slope of a model can only be meant for channels, all are that can be.

    Args:
        graph: the main graph, without branches.
        inferred: what is known of its values.
    """
    read_by: dict[str, list[tuple[int, ...]]] = {tensor.name: [] for tensor in graph.initializer}
    for node in graph.node:
        value = inferred.types.get(node.input[0]) if node.op_type == "PRelu" else None
        shape = extents(value) if value is not None and is_static(value) else ()
        for index, name in enumerate(node.input):
            if name in read_by:
                read_by[name].append(shape if index == 1 else ())
    slopes = [
        (tensor, shapes)
        for tensor in graph.initializer
        if (shapes := read_by[tensor.name]) and all(len(s) > 2 and [s[1]] == list(tensor.dims) for s in shapes)
    ]
    if any(s[1] not in (s[-1], 1) for _, shapes in slopes for s in shapes):
        for tensor, shapes in slopes:
            if len({len(s) for s in shapes}) == 1:
                tensor.dims.extend([1] * (len(shapes[0]) - 2))

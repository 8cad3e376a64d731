"""Whether the first axis of an input is a batch: of samples, or something that each sample has several of.

Told by what the model does to the input before it computes anything else with it, and by its other inputs.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from dlpuconv.frontends.protos import all_nodes
from dlpuconv.ir.signature import IMAGE_CHANNELS, is_planar_image

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import onnx

_SMALLEST = 8
"""Pictures have at least as many rows and columns."""
_BY_ELEMENT = frozenset({"Add", "Cast", "Clip", "Div", "Identity", "Mul", "Neg", "Sub"})
_ON_BATCHES = frozenset({"AveragePool", "Conv", "ConvTranspose", "Gemm", "MatMul", "MaxPool", "Resize"})
"""Of an input of three axes, these take the first one for a batch."""


class FirstAxis(StrEnum):
    """What lies along the first axis of an input."""

    BATCH = "batch"
    """Samples, as far as anybody can tell."""
    PICTURE = "picture"
    """The channels, or the rows, of one picture: there is no batch."""
    OWN = "own"
    """Something of each sample, such as the layers of a recurrent state: there is no batch on this axis."""


def first_axis(graph: onnx.GraphProto, name: str, shape: tuple[int, ...], batched: Collection[str] = ()) -> FirstAxis:
    """What lies along the first axis of an input, which has more than one extent, and not 1 there.

    Args:
        graph: of the input.
        name: of the input.
        shape: of the input.
        batched: the inputs that have a batch of 1 there.
    """
    if holds_pictures(shape):
        return FirstAxis.BATCH
    if batched:
        return FirstAxis.OWN
    if len(shape) != 3 or not _ON_BATCHES.isdisjoint(_first_operators(graph, name)):
        return FirstAxis.BATCH
    if _is_picture(shape):
        return FirstAxis.PICTURE
    return FirstAxis.OWN if shape[1] == 1 else FirstAxis.BATCH


def holds_pictures(shape: tuple[int, ...]) -> bool:
    """Whether a value of this shape could be a batch of pictures, of which there must be one."""
    return len(shape) == 4 and (is_planar_image(shape) or shape[-1] in IMAGE_CHANNELS)


def _is_picture(shape: tuple[int, ...]) -> bool:
    """`[3, H, W]` or `[H, W, 3]`."""
    first, middle, last = shape
    channels, sides = (first, (middle, last)) if first in IMAGE_CHANNELS else (last, (first, middle))
    return channels in IMAGE_CHANNELS and min(sides) >= _SMALLEST


def _first_operators(graph: onnx.GraphProto, name: str) -> Iterable[str]:
    """Kinds of the operators that read an input, or what arithmetic by element makes of it."""
    reached = {name}
    for node in graph.node:
        if reached.isdisjoint(node.input):
            continue
        yield node.op_type
        if node.op_type in _BY_ELEMENT:
            reached.update(node.output)


def batch_pictures(proto: onnx.ModelProto) -> None:
    """Inputs that are one picture without a batch get one: x [3, H, W] -> Reshape(x [1, 3, H, W]). In place.

    Cameras deliver batches of one, and whatever knows pictures knows them by their four axes.

    Args:
        proto: in running order, with types, whose inputs are static.
    """
    import numpy as np
    import onnx

    graph = proto.graph
    for value in graph.input:
        name, shape = value.name, tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        if shape[:1] == (1,) or first_axis(graph, name, shape) is not FirstAxis.PICTURE:
            continue
        inner = f"{name}/unbatched"
        for node in all_nodes(proto):
            node.input[:] = [inner if read == name else read for read in node.input]
        graph.value_info.add(name=inner).type.CopyFrom(value.type)
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(shape, np.int64), f"{inner}/shape"))
        graph.node.insert(0, onnx.helper.make_node("Reshape", [name, f"{inner}/shape"], [inner], inner))
        value.type.tensor_type.shape.dim.insert(0, onnx.TensorShapeProto.Dimension(dim_value=1))

"""Which axis of each value holds the channels: the layers that make or read it decide, and pass it on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlpuconv_backends.onnx_qdq.graph import attribute

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt
    import onnx

    from dlpuconv_backends.onnx_qdq.graph import OnnxGraph

    type Array = npt.NDArray[Any]

_MAPS: Final = frozenset({
    "Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "Resize", "DepthToSpace", "SpaceToDepth",
    "BatchNormalization", "InstanceNormalization", "PRelu",
})  # fmt: skip
"""Their channels are axis 1, of what they read and of what they make."""
_ROWS: Final = frozenset({"Gemm", "MatMul"})
"""Their channels are the last axis."""
_FUSED: Final = frozenset({"Relu", "Clip"})
"""One with the convolution in front, so that both have the same channels."""
_MAP_RANK = 4
_CONVOLUTIONS: Final = frozenset({"Conv", "ConvTranspose"})
"""Are integer layers whatever others want; a product of matrices along another axis than the channels' is none."""


def channel_axes(graph: OnnxGraph) -> dict[str, int]:
    """The channel axis of every float activation; of what no layer decides: 1 of maps, else the last.

    Args:
        graph: with the kinds of all its values.
    """
    found: dict[str, int] = {}
    for node in sorted(graph.nodes, key=lambda node: node.op_type not in _CONVOLUTIONS):
        for name, axis in _decided(graph, node):
            found.setdefault(name, axis)
    pending = True
    while pending:
        pending = False
        for node in (*graph.nodes, *reversed(graph.nodes)):
            for name, axis in _passed_on(graph, node, found):
                if name not in found:
                    found[name] = axis
                    pending = True
    floats = (name for name in graph.kinds if graph.is_float(name) and name not in graph.constants)
    return {name: found.get(name, 1 if len(graph.kinds[name].shape) == _MAP_RANK else -1) for name in floats}


def last(values: Array, axis: int) -> Array:
    """Values of an ONNX graph, channels last: a view."""
    return np.moveaxis(values, axis, -1) if values.ndim else values


def back(values: Array, axis: int) -> Array:
    """What `last` gives, as the graph has it: a view."""
    return np.moveaxis(values, -1, axis) if values.ndim else values


def last_shape(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """The extents, channels last."""
    return tuple(shape[a] for a in last_order(len(shape), axis))


def last_order(rank: int, axis: int) -> tuple[int, ...]:
    """The axes of a value in the order that puts the channels last."""
    axes = [*range(rank)]
    if axes:
        axes.append(axes.pop(axis))
    return tuple(axes)


def _decided(graph: OnnxGraph, node: onnx.NodeProto) -> Iterator[tuple[str, int]]:
    names = [node.input[0], node.output[0]]
    behind = graph.only_reader(node.output[0]) if node.op_type in _CONVOLUTIONS else None
    if behind is not None and behind.op_type in _FUSED:
        names.append(behind.output[0])
    axis = 1 if node.op_type in _MAPS else -1 if node.op_type in _ROWS else None
    for name in names:
        if axis is not None and name in graph.kinds and len(graph.kinds[name].shape) > 1:
            yield name, axis


def _passed_on(graph: OnnxGraph, node: onnx.NodeProto, found: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """From what a node reads to what it makes, and back, where both have the same axes, or a permutation of them."""
    made = node.output[0]
    if not graph.is_float(made):
        return
    rank = len(graph.kinds[made].shape)
    for name in node.input:
        if name in graph.constants or not graph.is_float(name) or len(graph.kinds[name].shape) != rank:
            continue
        order = list(attribute(node, "perm", range(rank - 1, -1, -1))) if node.op_type == "Transpose" else range(rank)
        if node.op_type == "Reshape" and not _keeps(graph, name, made, found.get(name, found.get(made))):
            continue
        if name in found:
            yield made, list(order).index(found[name] % rank)
        elif made in found:
            yield name, order[found[made] % rank]


def _keeps(graph: OnnxGraph, name: str, made: str, axis: int | None) -> bool:
    """Whether a Reshape leaves the channel axis alone."""
    before, after = graph.kinds[name].shape, graph.kinds[made].shape
    return axis is not None and before[: axis % len(before) + 1] == after[: axis % len(after) + 1]

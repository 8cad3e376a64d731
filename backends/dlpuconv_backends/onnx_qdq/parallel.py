"""Chains of nodes side by side, each for a part of the channels, in the place of one."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx

from dlpuconv.plugin.quantization import CannotError, part_name
from dlpuconv_backends.onnx_qdq.graph import Kind, attribute
from dlpuconv_backends.onnx_qdq.layers import channel_axis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.plugin.quantization import Value
    from dlpuconv_backends.onnx_qdq.graph import OnnxGraph
    from dlpuconv_backends.onnx_qdq.groups import FusedGroup

    type Array = npt.NDArray[Any]

_BY_CHANNEL: Final = frozenset({
    "Add", "Sub", "Mul", "Relu", "Clip", "LeakyRelu", "PRelu", "HardSwish", "HardSigmoid", "Sigmoid", "Tanh", "Elu",
    "Gelu", "Exp", "Log", "Sqrt", "Abs", "Neg", "Erf", "Softplus", "Mish",
})  # fmt: skip
"""Functions of single values."""


def keeps_channels(group: FusedGroup, inputs: Sequence[Value | None], outputs: Sequence[Value]) -> bool:
    """See `Meaning.keeps_channels`.

    Args:
        group: without weights.
        inputs: what it reads.
        outputs: what it makes.
    """
    if not outputs or not all(node.op_type in _BY_CHANNEL and not node.domain for node in group.nodes):
        return False
    made = outputs[0]
    place: Any = made.handle
    for value in inputs:
        if value is None or not value.is_data or value.is_constant:
            continue
        there: Any = value.handle
        rank = len(made.shape)
        alike = len(value.shape) == rank and (not rank or there.axis % rank == place.axis % rank)
        if not alike or value.channels not in (1, made.channels):
            return False
    return True


def in_parallel(
    graph: OnnxGraph, chain: Sequence[FusedGroup], axes: Mapping[str, int], sizes: Sequence[int]
) -> OnnxGraph:
    """The same function with a Concat behind chains of nodes that each make a part of the channels.

    Args:
        graph: it is not changed.
        chain: each reads what the one in front makes.
        axes: the channel axis of each activation.
        sizes: channels of each part.

    Raises:
        CannotError: a node of the chain is of a kind that cannot be cut by channels.
    """
    nodes = [node for group in chain for node in group.nodes]
    layers = {id(group.nodes[0]) for group in chain if group.layer}
    other = [n for n in nodes if id(n) not in layers and n.op_type not in _BY_CHANNEL]
    if other:
        raise CannotError(f"{other[0].output[0]!r} is made by {other[0].op_type}, which cannot be cut by channels")
    kinds, constants = dict(graph.kinds), dict(graph.constants)
    whole, made = nodes[-1].output[0], []
    for number, (begin, end) in enumerate(pairwise(np.cumsum([0, *sizes]).tolist())):
        renamed: dict[str, str] = {}
        for node in nodes:
            part = _Branch(graph, node, id(node) in layers, axes[node.output[0]], slice(begin, end))
            for name, values in part.constants().items():
                renamed[name] = part_name(name, number, len(sizes))
                constants[renamed[name]] = values
                kinds[renamed[name]] = Kind(values.shape, values.dtype)
            renamed[node.output[0]] = part_name(node.output[0], number, len(sizes))
            kinds[renamed[node.output[0]]] = part.kind()
            made.append(part.node(renamed, number, len(sizes)))
    parts = [node.output[0] for node in made[len(nodes) - 1 :: len(nodes)]]
    joined = onnx.helper.make_node("Concat", parts, [whole], name=f"{whole}/joined", axis=axes[whole])
    first, gone = nodes[0], {id(node) for node in nodes}
    each = [[*made, joined] if n is first else [n] for n in graph.nodes if n is first or id(n) not in gone]
    return replace(graph, nodes=tuple(n for several in each for n in several), kinds=kinds, constants=constants)


class _Branch:
    """One node for some of its output channels."""

    def __init__(self, graph: OnnxGraph, node: onnx.NodeProto, is_layer: bool, axis: int, channels: slice) -> None:
        self._graph, self._node, self._is_layer = graph, node, is_layer
        self._shape = graph.kinds[node.output[0]].shape
        self._axis, self._channels = axis % len(self._shape), channels

    def kind(self) -> Kind:
        """Shape and type of the output."""
        shape = list(self._shape)
        shape[self._axis] = self._channels.stop - self._channels.start
        return Kind(tuple(shape), self._graph.kinds[self._node.output[0]].dtype)

    def constants(self) -> dict[str, Array]:
        """What its constants hold for these channels, where that is less than all."""
        found = {}
        for at, name in enumerate(self._node.input):
            values = self._graph.constants.get(name)
            axis = None if values is None else self._axis_of(at, values)
            if values is not None and axis is not None:
                found[name] = np.ascontiguousarray(values[(slice(None),) * axis + (self._channels,)])
        return found

    def _axis_of(self, at: int, values: Array) -> int | None:
        if self._is_layer:
            return channel_axis(self._node) if at == 1 else values.ndim - 1
        axis = values.ndim - len(self._shape) + self._axis
        return axis if axis >= 0 and values.shape[axis] == self._shape[self._axis] else None

    def node(self, renamed: Mapping[str, str], number: int, count: int) -> onnx.NodeProto:
        """The node for one part, with the names of that part."""
        made = onnx.NodeProto()
        made.CopyFrom(self._node)
        made.name = part_name(made.name, number, count)
        made.input[:] = [renamed.get(name, name) for name in made.input]
        made.output[:] = [renamed[name] for name in made.output]
        if self._is_layer and attribute(made, "group", 1) > 1:
            next(entry for entry in made.attribute if entry.name == "group").i = (
                self._channels.stop - self._channels.start
            )
        return made

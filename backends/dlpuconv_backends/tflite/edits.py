"""What techniques may ask of a float graph beside other constants; none changes the graph."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.plugin.quantization import CannotError, Constants, part_name
from dlpuconv.plugin.views import WEIGHTED
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.flatbuffer.edit import mul
from dlpuconv_backends.tflite.meanings import BY_CHANNEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dlpuconv.plugin.quantization import Node


def ended(graph: Graph, outputs: Sequence[Tensor]) -> Graph:
    """The same graph with other outputs, without what only the former ones need.

    Raises:
        CannotError: nothing in the graph makes one of them.
    """
    made = graph.producers()
    if given := [tensor.name for tensor in outputs if tensor not in made]:
        raise CannotError(f"{given[0]!r} is not computed, and a file's output has to be")
    found = Graph(list(graph.inputs), list(outputs), list(graph.operators), graph.description, dict(graph.metadata))
    found.drop_dead()
    return found


def multiplied(graph: Graph, tensor: Tensor, factors: npt.NDArray[np.floating[Any]]) -> list[Operator]:
    """Operators with a MUL behind the one that makes a tensor.

    Raises:
        CannotError: nothing in the graph makes it.
    """
    if tensor not in graph.producers():
        raise CannotError(f"{tensor.name!r} is not computed, and its values come as they are")
    before = Tensor(f"{tensor.name}/unscaled", tensor.shape, tensor.dtype, None, None, tensor.source_names)
    by = Tensor.constant(f"{tensor.name}/factors", np.asarray(factors, np.float32))
    found = []
    for op in graph.operators:
        if tensor not in op.outputs:
            found.append(op)
            continue
        outputs = [before if made is tensor else made for made in op.outputs]
        found.append(Operator(op.kind, list(op.inputs), outputs, op.options, op.source_name))
        found.append(mul(before, by, tensor, op.source_name))
    return found


def folded_in(node: Node, factors: npt.NDArray[np.floating[Any]]) -> Constants | None:
    """Constants of a layer with which its channels are multiplied by factors; None where that takes a node."""
    layer = node.layer
    if (
        layer is None
        or layer.weights is None
        or not layer.activation.is_homogeneous
        or layer.activation.clip is not None
    ):
        return None
    has_bias = layer.bias_at < len(node.inputs) and node.inputs[layer.bias_at] is not None
    if has_bias is (layer.bias is None) or (layer.activation.rectifies and not (factors > 0).all()):
        return None
    weights = layer.weights * factors.reshape(-1, *[1] * (layer.weights.ndim - 1))
    return Constants(weights=weights, bias=None if layer.bias is None else layer.bias * factors)


_IN_PARALLEL = BY_CHANNEL | {"CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "DEPTHWISE_CONV_2D"}
"""Operators of which several may do a part of the channels each, with their part of the constants."""


def in_parallel(chain: Sequence[Operator], sizes: Sequence[int]) -> list[Operator]:
    """Chains of operators side by side in the place of one, and a CONCATENATION behind.

    Args:
        chain: each reads what the one in front makes; their channels are the last axis.
        sizes: channels of each.

    Raises:
        CannotError: one of them cannot be done by channels.
    """
    if other := [op for op in chain if op.kind not in _IN_PARALLEL]:
        raise CannotError(f"{other[0].output.name!r} is made by a {other[0].kind}, which cannot be cut by channels")
    ends = np.cumsum([0, *sizes]).tolist()
    found, whole = [], chain[-1].output
    for number, (begin, end) in enumerate(pairwise(ends)):
        made: dict[Tensor, Tensor] = {}
        for op in chain:
            part = _part(op, slice(begin, end), (number, len(sizes)))
            part.inputs = [None if tensor is None else made.get(tensor, tensor) for tensor in part.inputs]
            made[op.output] = part.output
            found.append(part)
    options = schema.ConcatenationOptionsT()
    options.axis = len(whole.shape) - 1
    parts: list[Tensor | None] = [op.output for op in found[len(chain) - 1 :: len(chain)]]
    return [*found, Operator("CONCATENATION", parts, [whole], options, chain[-1].source_name)]


def _part(op: Operator, channels: slice, number: tuple[int, int]) -> Operator:
    """The same operator for some of its output channels."""
    shape = (*op.output.shape[:-1], channels.stop - channels.start)
    inputs = [
        old
        if old is None or old.data is None
        else Tensor.constant(part_name(old.name, *number), _those(op, at, channels))
        for at, old in enumerate(op.inputs)
    ]
    if op.kind == "TRANSPOSE_CONV":
        inputs[0] = Tensor.constant(part_name(f"{op.output.name}/shape", *number), np.array(shape, np.int32))
    made = Tensor(part_name(op.output.name, *number), shape, op.output.dtype, None, None, op.output.source_names)
    source = part_name(op.source_name, *number) if op.source_name else ""
    return Operator(op.kind, inputs, [made], op.options, source)


def _those(op: Operator, at: int, channels: slice) -> npt.NDArray[Any]:
    """What a constant holds for some output channels."""
    data = op.input(at).data
    assert data is not None
    form = WEIGHTED.get(op.kind)
    if form is not None and at in (form.weights, form.bias):
        return data[..., channels] if op.kind == "DEPTHWISE_CONV_2D" or at == form.bias else data[channels]
    whole = data.dtype.kind == "f" and data.shape[-1:] == op.output.shape[-1:] != (1,)
    return data[..., channels] if whole else data

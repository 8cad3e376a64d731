"""What techniques may ask of a float graph beside other constants; none changes the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.plugin.quantization import CannotError, Constants
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.flatbuffer.edit import mul

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dlpuconv.plugin.quantization import Layer, Node


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


def split(op: Operator, layer: Layer, channels: Sequence[int]) -> list[Operator]:
    """Two layers and a CONCATENATION in the place of one.

    Args:
        op: with weights.
        layer: what it is.
        channels: that get a layer of their own: the first ones, or the last ones.

    Raises:
        CannotError: it takes more than that.
    """
    wanted = sorted(set(channels))
    if layer.groups != 1 or op.input(layer.weights_at).shape[0] != layer.rows or layer.weights is None:
        raise CannotError(f"the groups of {op.output.name!r} read different channels, and it cannot be split")
    first = wanted == list(range(len(wanted)))
    last = wanted == list(range(layer.rows - len(wanted), layer.rows))
    if not 0 < len(wanted) < layer.rows or not (first or last):
        raise CannotError(f"only the first or the last channels of {op.output.name!r} can be split off without moves")
    cut = len(wanted) if first else layer.rows - len(wanted)
    halves = [_half(op, layer, slice(0, cut), "/first"), _half(op, layer, slice(cut, layer.rows), "/last")]
    options = schema.ConcatenationOptionsT()
    options.axis = len(op.output.shape) - 1
    joined = Operator("CONCATENATION", [half.output for half in halves], list(op.outputs), options, op.source_name)
    return [*halves, joined]


def _half(op: Operator, layer: Layer, rows: slice, suffix: str) -> Operator:
    """The same layer with some of its output channels."""
    shape = (*op.output.shape[:-1], rows.stop - rows.start)
    inputs = list(op.inputs)
    for index in (layer.weights_at, layer.bias_at):
        old = inputs[index] if index < len(inputs) else None
        if old is not None and old.data is not None:
            inputs[index] = Tensor.constant(f"{old.name}{suffix}", old.data[rows])
    if op.kind == "TRANSPOSE_CONV":
        inputs[0] = Tensor.constant(f"{op.output.name}{suffix}/shape", np.array(shape, np.int32))
    made = Tensor(f"{op.output.name}{suffix}", shape, op.output.dtype, None, None, op.output.source_names)
    return Operator(op.kind, inputs, [made], op.options, op.source_name)

"""MUL, DIV, ADD, SUB by constants per channel behind a layer -> its weights and bias; MUL in front -> its weights.

CONV_2D(x, w, b) * m + a  ->  CONV_2D(x, w * m, b * m + a)
CONV_2D(x * m, w, b)      ->  CONV_2D(x, w * m, b)         zero padding stays zero
FULLY_CONNECTED(x + a, w, b)  ->  FULLY_CONNECTED(x, w, b + w a)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv_backends.cleanup.constants import constant_input
from dlpuconv_backends.cleanup.layers import Layer, layer
from dlpuconv_backends.cleanup.uses import Uses

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor

_AFFINE = frozenset(("MUL", "DIV", "ADD", "SUB"))


def fold_affine(graph: Graph) -> int:
    """Rewrite in place; how many operators went."""
    uses = Uses(graph)
    gone: list[Operator] = []
    for op in graph.operators:
        if op.kind not in _AFFINE or op in gone:
            continue
        if _fold_behind(op, uses) or _fold_in_front(op, uses):
            gone.append(op)
            uses = Uses(_without(graph, gone))
    graph.remove(gone)
    return len(gone)


def _without(graph: Graph, gone: list[Operator]) -> Graph:
    graph.remove(gone)
    return graph


def _operands(op: Operator) -> tuple[Tensor, npt.NDArray[Any], bool] | None:
    """The activation, the constant as [C] or [1], and whether the constant is the first operand."""
    for index in (0, 1):
        constant, other = constant_input(op, index), op.inputs[1 - index]
        if constant is None or other is None or other.is_constant or constant.dtype.kind != "f":
            continue
        channels = op.output.shape[-1] if op.output.shape else 1
        per_channel = constant.size == 1 or (constant.shape[-1] == constant.size == channels)
        if per_channel and other.shape == op.output.shape:
            return other, np.asarray(constant, np.float64).reshape(-1), index == 0
    return None


def _factor_and_offset(op: Operator, constant: npt.NDArray[Any], first: bool) -> tuple[Any, Any] | None:
    """op(y) = factor * y + offset."""
    zero, one = np.zeros(1), np.ones(1)
    if op.kind == "MUL":
        return constant, zero
    if op.kind == "ADD":
        return one, constant
    if op.kind == "SUB":
        return (-one, constant) if first else (one, -constant)
    if first or not np.all(constant):
        return None
    return 1.0 / constant, zero


def _fold_behind(op: Operator, uses: Uses) -> bool:
    operands = _operands(op)
    if operands is None:
        return False
    source, constant, first = operands
    before = layer(uses.sole_producer(source))
    affine = _factor_and_offset(op, constant, first)
    if before is None or affine is None or before.op.options.fusedActivationFunction:
        return False
    factor, offset = affine
    bias = np.zeros(before.channels) if before.bias is None else np.asarray(before.bias, np.float64)
    before.set_weights(np.asarray(before.weights, np.float64) * before.along_channels(factor))
    if before.bias is not None or np.any(offset):
        before.set_bias(bias * factor + offset)
    before.op.options.fusedActivationFunction = op.options.fusedActivationFunction
    before.op.outputs[0] = op.output
    return True


def _fold_in_front(op: Operator, uses: Uses) -> bool:
    operands = _operands(op)
    if operands is None or op.options.fusedActivationFunction:
        return False
    source, constant, first = operands
    after = layer(uses.sole_consumer(op.output))
    affine = _factor_and_offset(op, constant, first)
    if after is None or affine is None or after.op.inputs[after.data_at] is not op.output:
        return False
    factor, offset = affine
    if np.any(offset) and after.op.kind != "FULLY_CONNECTED":
        return False  # a convolution pads with zeros behind the addition
    if after.op.kind == "FULLY_CONNECTED" and after.weights.shape[-1] != op.output.shape[-1]:
        return False
    if np.any(offset):
        bias = np.zeros(after.channels) if after.bias is None else np.asarray(after.bias, np.float64)
        after.set_bias(bias + np.asarray(after.weights, np.float64) @ np.broadcast_to(offset, after.weights.shape[-1:]))
    after.set_weights(np.asarray(after.weights, np.float64) * _along_inputs(after, factor))
    after.op.inputs[after.data_at] = source
    return True


def _along_inputs(after: Layer, factor: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """[C_in] or [1] shaped so that it broadcasts against the weights."""
    if factor.size == 1:
        return factor
    weights = after.weights
    if after.op.kind == "DEPTHWISE_CONV_2D":
        return np.repeat(factor, weights.shape[-1] // factor.size)
    if after.op.kind != "CONV_2D" or after.groups == 1:
        return factor
    per_group = factor.reshape(after.groups, 1, -1)  # [groups, 1, C_in/groups]
    rows = np.repeat(per_group, after.channels // after.groups, axis=1).reshape(after.channels, 1, 1, -1)
    return np.asarray(rows)

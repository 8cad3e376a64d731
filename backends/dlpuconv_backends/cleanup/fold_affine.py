"""MUL, DIV, ADD, SUB by constants per channel behind a layer -> its weights and bias.

    CONV_2D(x, w, b) * m + a  ->  CONV_2D(x, w * m, b * m + a)

Lowering makes layers of what is none in ONNX (products of rank 3), writes biases of others as an ADD, and
`clip_to_activation` makes factors. What stands in front of a layer was folded on the ONNX graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv_backends.cleanup.constants import constant_input
from dlpuconv_backends.cleanup.layers import layer
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
        if _fold_behind(op, uses):
            gone.append(op)
            uses = Uses(_without(graph, gone))
    graph.remove(gone)
    return len(gone)


def _without(graph: Graph, gone: list[Operator]) -> Graph:
    graph.remove(gone)
    return graph


@dataclass(frozen=True, slots=True)
class ScaleAndShift:
    """What an operator does: factor * source + offset, before its fused activation.

    Attributes:
        source: the activation.
        factor: [C] or [1] float64.
        offset: [C] or [1] float64.
    """

    source: Tensor
    factor: npt.NDArray[Any]
    offset: npt.NDArray[Any]


def affine_of(op: Operator) -> ScaleAndShift | None:
    """The operator as an affine function per channel (last axis), or None."""
    for index in (0, 1):
        constant, source = constant_input(op, index), op.inputs[1 - index]
        if constant is None or source is None or source.is_constant or constant.dtype.kind != "f":
            continue
        per_channel = constant.size == 1 or constant.shape[-1] == constant.size == op.output.shape[-1]
        if per_channel and source.shape == op.output.shape:
            return _affine(op.kind, source, np.asarray(constant, np.float64).reshape(-1), index == 0)
    return None


def _affine(kind: str, source: Tensor, constant: npt.NDArray[Any], first: bool) -> ScaleAndShift | None:
    zero, one = np.zeros(1), np.ones(1)
    if kind == "MUL":
        return ScaleAndShift(source, constant, zero)
    if kind == "ADD":
        return ScaleAndShift(source, one, constant)
    if kind == "SUB":
        return ScaleAndShift(source, -one, constant) if first else ScaleAndShift(source, one, -constant)
    if kind != "DIV" or first or not np.all(constant):
        return None
    return ScaleAndShift(source, 1.0 / constant, zero)


def _fold_behind(op: Operator, uses: Uses) -> bool:
    affine = affine_of(op)
    if affine is None:
        return False
    factor, offset = affine.factor, affine.offset
    path = _way_up(op, affine, uses)
    before = layer(path[0]) if path else None
    if before is None or before.op.options.fusedActivationFunction:
        return False
    bias = np.zeros(before.channels) if before.bias is None else np.asarray(before.bias, np.float64)
    before.set_weights(np.asarray(before.weights, np.float64) * before.along_channels(factor))
    if before.bias is not None or np.any(offset):
        before.set_bias(bias * factor + offset)
    if len(path) == 1:
        before.op.options.fusedActivationFunction = op.options.fusedActivationFunction
    path[-1].outputs[0] = op.output
    return True


def _way_up(op: Operator, affine: ScaleAndShift, uses: Uses) -> list[Operator]:
    """The layer that can take the function, then the operators between that it commutes with; empty for none."""
    path: list[Operator] = []
    before = uses.sole_producer(affine.source)
    while before is not None and layer(before) is None:
        if op.options.fusedActivationFunction or not _commutes(before, affine):
            return []
        path.insert(0, before)
        before = uses.sole_producer(before.input(0))
    return [before, *path] if before is not None else []


def _commutes(op: Operator, affine: ScaleAndShift) -> bool:
    """True when factor * op(x) + offset = op(factor * x + offset)."""
    if getattr(op.options, "fusedActivationFunction", 0):
        return False
    if op.kind in ("AVERAGE_POOL_2D", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"):
        return True
    if op.kind in ("SLICE", "STRIDED_SLICE", "RESHAPE"):
        return op.input(0).shape[-1:] == op.output.shape[-1:]  # of a number, no axis
    if op.kind == "MAX_POOL_2D":
        return bool(np.all(affine.factor > 0))
    scalar = affine.factor.size == 1
    return op.kind == "BATCH_MATMUL" and scalar and not np.any(affine.offset)

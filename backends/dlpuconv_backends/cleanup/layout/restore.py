"""Rewrites an operator's attributes and constants for the labels that were chosen for it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.constants import ints
from dlpuconv_backends.cleanup.layout.labels import Label, identity, permuted
from dlpuconv_backends.cleanup.layout.ports import ALONG_AN_AXIS, ELEMENTWISE, REDUCTIONS, Ports
from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable


def relabel(op: Operator, ports: Ports) -> None:
    """Make the operator compute on values that are stored as `ports` says; shapes of activations are not touched.

    Call it before the shapes of its activations change.
    """
    if op.kind == "BATCH_MATMUL":
        _swap_matrices(op, ports)
    label = ports.outputs[0] if op.kind not in REDUCTIONS else ports.inputs[0]
    if label is None or (label == identity(len(label)) and op.kind != "RESHAPE"):
        return
    if op.kind in ELEMENTWISE or op.kind in ("CONCATENATION", "BATCH_MATMUL"):
        _permute_operands(op, label)
    if op.kind == "RESHAPE":
        _reshape(op, ports.outputs[0])
    elif op.kind in ALONG_AN_AXIS or op.kind in REDUCTIONS:
        _ATTRIBUTES[op.kind](op, label)


def _permute_operands(op: Operator, label: Label) -> None:
    """Constants broadcast from the right: give them full rank, permute, and drop leading ones again."""
    for index, tensor in enumerate(op.inputs):
        if tensor is None or tensor.data is None or tensor.data.size == 1:
            continue
        array = tensor.data.reshape((1,) * (len(label) - tensor.data.ndim) + tensor.data.shape).transpose(label)
        while array.ndim > tensor.data.ndim and array.shape[0] == 1:
            array = array[0]
        op.inputs[index] = Tensor.constant(f"{tensor.name}/permuted", np.ascontiguousarray(array))
    if op.kind == "PRELU":  # its alpha has one axis less than its input: the batch axis is left out
        alpha = op.input(1)
        if alpha.data is not None and alpha.data.ndim == len(label) and alpha.shape[0] == 1:
            op.inputs[1] = Tensor.constant(alpha.name, alpha.data[0])


def _swap_matrices(op: Operator, ports: Ports) -> None:
    """An operand that is stored with its last two axes exchanged is read through adj_x or adj_y."""
    op.options = copy.copy(op.options)
    for label, flag in zip(ports.inputs, ("adjX", "adjY"), strict=True):
        if label is not None and label[-1] != len(label) - 1:
            setattr(op.options, flag, not getattr(op.options, flag))


def _reshape(op: Operator, result: Label) -> None:
    shape = np.array(permuted(op.output.shape, result), np.int32)
    op.options = schema.ReshapeOptionsT()
    op.options.newShape = shape
    op.inputs[1:] = [Tensor.constant(f"{op.output.name}/shape", shape)]


def _option_axis(op: Operator, label: Label) -> None:
    op.options = copy.copy(op.options)
    op.options.axis = label.index(op.options.axis % len(label))


def _axis_input(index: int) -> Callable[[Operator, Label], None]:
    """An input that holds one axis or several."""

    def rewrite(op: Operator, label: Label) -> None:
        old = op.input(index)
        axes = sorted(label.index(axis % len(label)) for axis in ints(old))
        op.inputs[index] = Tensor.constant(old.name, np.array(axes, old.dtype).reshape(old.shape))

    return rewrite


def _vector_inputs(*indices: int) -> Callable[[Operator, Label], None]:
    """Inputs that hold one entry (or row) an axis."""

    def rewrite(op: Operator, label: Label) -> None:
        for index in indices:
            old = op.input(index)
            if old.data is None:
                raise ValueError(f"{op.kind} has the computed operand {old.name}")
            op.inputs[index] = Tensor.constant(old.name, np.ascontiguousarray(old.data[list(label)]))

    return rewrite


def _strided_slice(op: Operator, label: Label) -> None:
    _vector_inputs(1, 2, 3)(op, label)
    op.options = copy.copy(op.options)
    for mask in ("beginMask", "endMask"):
        bits = getattr(op.options, mask)
        setattr(op.options, mask, sum(1 << i for i, axis in enumerate(label) if bits >> axis & 1))


_ATTRIBUTES: dict[str, Callable[[Operator, Label], None]] = {
    "CONCATENATION": _option_axis,
    "GATHER": _option_axis,
    "SPLIT": _axis_input(0),
    "SPLIT_V": _axis_input(2),
    "SLICE": _vector_inputs(1, 2),
    "STRIDED_SLICE": _strided_slice,
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD", "TILE", "BROADCAST_TO"), _vector_inputs(1)),
    **dict.fromkeys(("REVERSE_V2", "CUMSUM", *REDUCTIONS), _axis_input(1)),
}

"""Which labels an operator can take on its inputs and outputs together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dlpuconv_backends.cleanup.constants import ints
from dlpuconv_backends.cleanup.layout.labels import Label, after_reshape, channels_last, identity, inverse, permuted

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Operator


@dataclass(frozen=True, slots=True)
class Ports:
    """Labels of an operator's inputs (None: a constant or absent) and outputs."""

    inputs: tuple[Label | None, ...]
    outputs: tuple[Label, ...]

    def at(self, port: int) -> Label | None:
        """The label of input `port`, or of output `-1 - port` where it is negative."""
        return self.inputs[port] if port >= 0 else self.outputs[-1 - port]


class Offer(Protocol):
    """A kind of operator's freedom."""

    def __call__(self, op: Operator, port: int, label: Label) -> list[Ports]:
        """The assignments, best first, in which this port has this label.

        Args:
            op: the operator.
            port: index of an input, or -1 - index of an output.
            label: wanted there.
        """
        ...


def default(op: Operator) -> Ports:
    """The assignment that the graph was lowered with; for a TRANSPOSE, one that dissolves it."""
    outputs = tuple(identity(len(t.shape)) for t in op.outputs)
    if op.kind == "TRANSPOSE":
        return Ports((ints(op.input(1)), None), outputs)
    return Ports(tuple(None if t is None or t.is_constant else identity(len(t.shape)) for t in op.inputs), outputs)


def same(op: Operator, port: int, label: Label) -> list[Ports]:  # noqa: ARG001 - protocol
    """All activations are of one rank and stored alike."""
    rank = len(op.output.shape)
    activations = [t for t in op.inputs if t is not None and not t.is_constant]
    if len(label) != rank or any(len(t.shape) != rank for t in (*activations, *op.outputs)):
        return []
    inputs = tuple(None if t is None or t.is_constant else label for t in op.inputs)
    return [Ports(inputs, (label,) * len(op.outputs))] if _plain(op) else []


def _plain(op: Operator) -> bool:
    """False for variants that treat their axes by position in ways that a permutation cannot follow."""
    if op.kind == "STRIDED_SLICE":
        return not (op.options.ellipsisMask or op.options.newAxisMask or op.options.shrinkAxisMask or op.options.offset)
    if op.kind == "GATHER":
        return not op.options.batchDims and len(op.input(1).shape) == 1
    return True


def same_with_last_axis(op: Operator, port: int, label: Label) -> list[Ports]:
    """The ports of `same`, for operators that work along the last axis."""
    return same(op, port, label) if label[-1:] == (len(label) - 1,) else []


def matrices(op: Operator, port: int, label: Label) -> list[Ports]:
    """A BATCH_MATMUL: batch axes are free, and an operand may be stored transposed, which its flags then say."""
    rank = len(label)
    if set(label[-2:]) != {rank - 2, rank - 1}:
        return []
    straight = (*label[:-2], rank - 2, rank - 1)
    if port < 0 and label != straight:
        return []
    found = same(op, -1, straight)
    if port < 0 or label == straight:
        return found
    return [Ports((*p.inputs[:port], label, *p.inputs[port + 1 :]), p.outputs) for p in found]


def transposed(op: Operator, port: int, label: Label) -> list[Ports]:
    """A TRANSPOSE by q relates labels: input = q o output, and costs nothing then."""
    q = ints(op.input(1))
    if port >= 0:
        return [Ports((label, None), (permuted(inverse(q), label),))]
    return [Ports((permuted(q, label), None), (label,))]


def reshaped(op: Operator, port: int, label: Label) -> list[Ports]:
    """A RESHAPE goes along as long as the atoms of each axis stay together."""
    before, after = op.input(0).shape, op.output.shape
    rest = (None,) * (len(op.inputs) - 1)
    if port >= 0:
        return [Ports((label, *rest), (result,)) for result in after_reshape(before, label, after)]
    return [Ports((source, *rest), (label,)) for source in after_reshape(after, label, before)]


def reduced(op: Operator, port: int, label: Label) -> list[Ports]:
    """A reduction that drops its axes."""
    rank = len(op.input(0).shape)
    axes = {axis % rank for axis in ints(op.input(1))}
    if rank == len(op.output.shape):
        return same(op, port, label)
    kept = [axis for axis in range(rank) if axis not in axes]
    rest = (None,) * (len(op.inputs) - 1)
    if not kept:  # TFLite files write a scalar as [1]
        return [Ports((label, *rest), (identity(len(op.output.shape)),))] if port >= 0 else []
    if len(kept) != len(op.output.shape):
        return []
    sources = [label] if port >= 0 else [channels_last(rank), identity(rank)]
    results = [tuple(kept.index(axis) for axis in source if axis in kept) for source in sources]
    found = [Ports((source, *rest), (result,)) for source, result in zip(sources, results, strict=True)]
    return [ports for ports in found if ports.at(port) == label]


ELEMENTWISE = frozenset((
    "ABS", "ADD", "CAST", "CEIL", "COS", "DEQUANTIZE", "DIV", "ELU", "EQUAL", "EXP", "FLOOR", "FLOOR_DIV", "FLOOR_MOD",
    "GELU", "GREATER", "GREATER_EQUAL", "HARD_SWISH", "LEAKY_RELU", "LESS", "LESS_EQUAL", "LOG", "LOGICAL_AND",
    "LOGICAL_NOT", "LOGICAL_OR", "LOGISTIC", "MAXIMUM", "MINIMUM", "MUL", "NEG", "NOT_EQUAL", "POW", "PRELU",
    "QUANTIZE", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "ROUND", "RSQRT", "SELECT", "SELECT_V2", "SIGN", "SIN",
    "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "SUB", "TANH", "ZEROS_LIKE",
))  # fmt: skip
REDUCTIONS = frozenset(
    ["MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ANY", "REDUCE_ALL", "ARG_MAX", "ARG_MIN"]
)
ALONG_AN_AXIS = frozenset((
    "CONCATENATION", "SPLIT", "SPLIT_V", "SLICE", "STRIDED_SLICE", "PAD", "PADV2", "MIRROR_PAD", "GATHER", "TILE",
    "BROADCAST_TO", "REVERSE_V2", "CUMSUM",
))  # fmt: skip

OFFERS: dict[str, Offer] = {
    **dict.fromkeys(ELEMENTWISE | ALONG_AN_AXIS, same),
    **dict.fromkeys(REDUCTIONS, reduced),
    **dict.fromkeys(("SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION", "FULLY_CONNECTED"), same_with_last_axis),
    "BATCH_MATMUL": matrices,
    "TRANSPOSE": transposed,
    "RESHAPE": reshaped,
}
"""Operators that are not here (convolutions, pools, resizing) want channels last, which is how they were lowered."""

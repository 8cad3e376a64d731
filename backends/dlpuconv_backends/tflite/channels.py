"""Which channels of which activations must share one scaling factor, and which must keep theirs.

Every channel of every activation is a variable. Operators that commute with positive factors tie the variables of what
they read to those of what they make: activations without a curve, pools, resizes, padding with zeros, sums (all their
operands), concatenations, slices. All others, and the ends of the graph, fix theirs at 1: f(s x) is not s f(x) for
HARD_SWISH, LOGISTIC, SOFTMAX, products of activations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv_backends.tflite.channel_statistics import channels_of
from dlpuconv_backends.tflite.operators import SPECS, data_inputs, data_outputs, is_data

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor

    type Ids = npt.NDArray[np.intp]

_RELU, _RELU6 = 1, 3
_CLIPS = {_RELU6: 6.0, 2: 1.0}
"""ActivationFunctionType: the bound of what a fused clip lets through."""
_CLIP_KINDS = {"RELU6": 6.0, "RELU_N1_TO_1": 1.0, "RELU_0_TO_1": 1.0}
_COMMUTING_FUSED = frozenset({0, _RELU, _RELU6, 2})
_HUGE = 1e30
LAYERS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})


@dataclass(frozen=True, slots=True)
class ChannelMap:
    """The variables of a graph.

    Attributes:
        of: [C] variable of each channel, by activation.
        fixed: [V] True where the factor must be 1.
        ends: [V] True where an input or output of the graph is concerned.
        clips: activations that a clip bounds, with the bound.
    """

    of: Mapping[Tensor, Ids]
    fixed: npt.NDArray[np.bool_]
    ends: npt.NDArray[np.bool_]
    clips: Mapping[Tensor, float]


def map_channels(graph: Graph) -> ChannelMap:
    """Find the variables of a graph."""
    ties = _Ties(graph)
    for op in graph.operators:
        ties.visit(op)
    return ties.result(graph)


def fused(op: Operator) -> int:
    """The code of the activation that is part of an operator; 0 for none."""
    return int(getattr(op.options, "fusedActivationFunction", 0) or 0)


class _Ties:
    def __init__(self, graph: Graph) -> None:
        self._ids: dict[Tensor, Ids] = {}
        count = 0
        for tensor in graph.tensors():
            if is_data(tensor) and not tensor.is_constant:
                channels = channels_of(tensor)
                self._ids[tensor] = np.arange(count, count + channels)
                count += channels
        self._fixed = np.zeros(count, np.bool_)
        self._left: list[Ids] = [np.zeros(0, np.intp)]
        self._right: list[Ids] = [np.zeros(0, np.intp)]
        self._clips: dict[Tensor, float] = {}

    def visit(self, op: Operator) -> None:
        """Tie or fix what one operator reads and makes."""
        active = [t for _, t in data_inputs(op) if not t.is_constant]
        made = data_outputs(op)
        rule = _RULES.get(op.kind)
        if fused(op) not in _COMMUTING_FUSED or (rule is None and op.kind not in LAYERS):
            self.fix(*active, *made)
            return
        for kinds, key in ((_CLIPS, fused(op)), (_CLIP_KINDS, op.kind)):
            if key in kinds:
                self._clips.update(dict.fromkeys(made, kinds[key]))  # type: ignore[index]
        if rule is not None and not rule(self, op, active, made):
            self.fix(*active, *made)

    def fix(self, *tensors: Tensor) -> None:
        """Their factors are 1."""
        for tensor in tensors:
            self._fixed[self._ids[tensor]] = True

    def tie(self, one: Ids, other: Ids) -> bool:
        """Their factors are equal, channel by channel; False if they do not fit."""
        if one.size != other.size:
            return False
        self._left.append(one)
        self._right.append(other)
        return True

    def ids(self, tensor: Tensor) -> Ids:
        """Of each channel."""
        return self._ids[tensor]

    def result(self, graph: Graph) -> ChannelMap:
        """Number the variables from 0."""
        labels = _components(self._fixed.size, np.concatenate(self._left), np.concatenate(self._right))
        found, numbers = np.unique(labels, return_inverse=True)
        fixed, ends = np.zeros(found.size, np.bool_), np.zeros(found.size, np.bool_)
        np.logical_or.at(fixed, numbers, self._fixed)
        for tensor in (*graph.inputs, *graph.outputs):
            if tensor in self._ids:
                ends[numbers[self._ids[tensor]]] = True
        return ChannelMap({t: numbers[ids] for t, ids in self._ids.items()}, fixed | ends, ends, self._clips)


def _components(count: int, left: Ids, right: Ids) -> Ids:
    """[count] the smallest number in each connected component."""
    labels = np.arange(count)
    while True:
        before = labels.copy()
        least = np.minimum(labels[left], labels[right])
        np.minimum.at(labels, left, least)
        np.minimum.at(labels, right, least)
        labels = np.asarray(labels[labels])
        if np.array_equal(labels, before):
            return labels


def _elementwise(ties: _Ties, op: Operator, active: list[Tensor], made: list[Tensor]) -> bool:
    """All activations have the same channels; constants are either scaled with them or follow by themselves."""
    if op.kind == "PADV2" and not _harmless_padding(op):
        return False
    first = made[0]
    if any(t.shape and channels_of(t) != channels_of(first) for t in active):
        return False
    if op.kind in ("ADD", "SUB") and any(_odd(t, first) for _, t in data_inputs(op) if t.is_constant):
        return False
    return all(ties.tie(ties.ids(t), ties.ids(first)) for t in (*active, *made[1:]))


def _odd(constant: Tensor, output: Tensor) -> bool:
    return bool(constant.shape) and constant.shape[-1] not in (1, output.shape[-1])


def _harmless_padding(op: Operator) -> bool:
    value = op.input(2).data
    return value is not None and (not value.any() or bool((np.abs(value) > _HUGE).all()))


def _product(ties: _Ties, op: Operator, active: list[Tensor], made: list[Tensor]) -> bool:
    return len(active) == 1 and _elementwise(ties, op, active, made)


def _concatenation(ties: _Ties, op: Operator, active: list[Tensor], made: list[Tensor]) -> bool:
    out = made[0]
    if any(t.is_constant for _, t in data_inputs(op)):
        return False
    if op.options.axis % len(out.shape) != len(out.shape) - 1:
        return _elementwise(ties, op, active, made)
    operands = [t for t in op.inputs if t is not None]
    return ties.tie(np.concatenate([ties.ids(t) for t in operands]), ties.ids(out))


def _split(ties: _Ties, op: Operator, active: list[Tensor], made: list[Tensor]) -> bool:
    source = active[0]
    axis = op.input(0 if op.kind == "SPLIT" else 2).data
    if axis is None:
        return False
    if int(axis.reshape(-1)[0]) % len(source.shape) != len(source.shape) - 1:
        return all(ties.tie(ties.ids(source), ties.ids(t)) for t in made)
    return ties.tie(ties.ids(source), np.concatenate([ties.ids(t) for t in op.outputs]))


def _slice(ties: _Ties, op: Operator, active: list[Tensor], made: list[Tensor]) -> bool:
    begin = op.input(1).data
    source, out = ties.ids(active[0]), ties.ids(made[0])
    if len(active[0].shape) != len(made[0].shape) or (op.kind == "STRIDED_SLICE" and not _dense(op)):
        return False
    if source.size == out.size:
        return ties.tie(source, out)
    if op.kind != "SLICE" or begin is None:
        return False
    first = int(begin.reshape(-1)[-1])
    return ties.tie(source[first : first + out.size], out)


def _dense(op: Operator) -> bool:
    """True where no channel is skipped, nor their order reversed."""
    strides = op.input(3).data
    return strides is not None and int(strides.reshape(-1)[-1]) == 1


def _regroup(ties: _Ties, _op: Operator, active: list[Tensor], made: list[Tensor]) -> bool:
    """Values keep their order in memory (or in blocks): channel c of the longer axis is c mod the shorter one."""
    source, out = ties.ids(active[0]), ties.ids(made[0])
    longer, shorter = (source, out) if source.size >= out.size else (out, source)
    if longer.size % shorter.size:
        return False
    return ties.tie(longer, np.tile(shorter, longer.size // shorter.size))


def _mean(ties: _Ties, op: Operator, active: list[Tensor], made: list[Tensor]) -> bool:
    axes = op.input(1).data
    rank = len(active[0].shape)
    if axes is None or rank - 1 in [int(a) % rank for a in axes.reshape(-1)]:
        return False
    return ties.tie(ties.ids(active[0]), ties.ids(made[0]))


_RULES: dict[str, Callable[[_Ties, Operator, list[Tensor], list[Tensor]], bool]] = {
    **dict.fromkeys(
        ["ADD", "SUB", "ABS", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "LEAKY_RELU", "PRELU", "PAD", "PADV2"],
        _elementwise,
    ),
    **dict.fromkeys(
        ["MAX_POOL_2D", "AVERAGE_POOL_2D", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"],
        _elementwise,
    ),
    "MUL": _product,
    "CONCATENATION": _concatenation,
    "SPLIT": _split,
    "SPLIT_V": _split,
    "SLICE": _slice,
    "STRIDED_SLICE": _slice,
    **dict.fromkeys(["RESHAPE", "SQUEEZE", "EXPAND_DIMS", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH"], _regroup),
    **dict.fromkeys(["MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"], _mean),
}


def layer_channels(op: Operator, channels: ChannelMap) -> tuple[Ids, Ids]:
    """Variables of a layer's output channels, [O], and of what each row of its weights reads, [O, I]."""
    at = SPECS[op.kind].weights
    assert at is not None
    made = channels.of[op.output]
    source = channels.of[op.input(at.data)]
    weights = op.input(at.weights)
    if op.kind == "DEPTHWISE_CONV_2D":
        return made, source[np.arange(made.size) // (made.size // source.size)][:, None]
    reads = weights.shape[-1]
    rows = weights.shape[at.axis]
    if op.kind == "FULLY_CONNECTED":  # may flatten what it reads
        return made, np.broadcast_to(source[np.arange(reads) % source.size], (rows, reads))
    groups = source.size // reads
    group = np.arange(rows) // (rows // groups)
    return made, source[group[:, None] * reads + np.arange(reads)]

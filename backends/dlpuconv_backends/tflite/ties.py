"""Which channels an operator lets be multiplied by positive factors, if only together with others.

Operators that commute with positive factors tie the channels of what they read to those of what they make: activations
without a curve, pools, resizes, padding with zeros, sums (all their operands), concatenations, slices. For all others
f(s x) is not s f(x): HARD_SWISH, LOGISTIC, SOFTMAX. Of products of activations `Meaning.product` tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.plugin.quantization import Tie, active, alike, by_channel, constants, laid_out, tied

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.plugin.quantization import Ties, Value
    from dlpuconv_backends.flatbuffer import Operator

    type Inputs = list[Value | None]
    type Outputs = list[Value]

COMMUTING_FUSED = frozenset({0, 1, 2, 3})
"""ActivationFunctionType: none, RELU, RELU_N1_TO_1, RELU6."""
_HUGE = 1e30


def ties_of(op: Operator, inputs: Inputs, outputs: Outputs) -> Ties:
    """The ties of an operator without weights; None where the channels of all that it touches keep their scale."""
    rule = _RULES.get(op.kind)
    fused = int(getattr(op.options, "fusedActivationFunction", 0) or 0)
    made = [v for v in outputs if v.is_data]
    if rule is None or fused not in COMMUTING_FUSED or not made or not active(inputs):
        return None
    return rule(op, inputs, made)


def _elementwise(op: Operator, inputs: Inputs, made: Outputs) -> Ties:
    """All activations have the same channels; constants are either scaled with them or follow by themselves."""
    if op.kind == "PADV2" and not _harmless_padding(inputs[2]):
        return None
    if op.kind in ("ADD", "SUB") and not by_channel(constants(inputs), made[0]):
        return None
    return alike([*active(inputs), *made[1:]], made[0])


def _harmless_padding(value: Value | None) -> bool:
    if value is None or value.data is None:
        return False
    return not value.data.any() or bool((np.abs(value.data) > _HUGE).all())


def _product(op: Operator, inputs: Inputs, made: Outputs) -> Ties:
    return _elementwise(op, inputs, made) if len(active(inputs)) == 1 else None


def _concatenation(op: Operator, inputs: Inputs, made: Outputs) -> Ties:
    out = made[0]
    if constants(inputs):
        return None
    if op.options.axis % len(out.shape) != len(out.shape) - 1:
        return _elementwise(op, inputs, made)
    return laid_out(active(inputs), out)


def _split(op: Operator, inputs: Inputs, made: Outputs) -> Ties:
    source = active(inputs)[0]
    axis = inputs[0 if op.kind == "SPLIT" else 2]
    if axis is None or axis.data is None:
        return None
    if int(axis.data.reshape(-1)[0]) % len(source.shape) != len(source.shape) - 1:
        return alike(made, source)
    return laid_out(made, source)


def _slice(op: Operator, inputs: Inputs, made: Outputs) -> Ties:
    source, out = active(inputs)[0], made[0]
    if len(source.shape) != len(out.shape) or (op.kind == "STRIDED_SLICE" and not _dense(inputs[3])):
        return None
    if source.channels == out.channels:
        return alike([source], out)
    begin = inputs[1]
    if op.kind != "SLICE" or begin is None or begin.data is None:
        return None
    return tied(out, source, int(begin.data.reshape(-1)[-1]))


def _dense(strides: Value | None) -> bool:
    """True where no channel is skipped, nor their order reversed."""
    return strides is not None and strides.data is not None and int(strides.data.reshape(-1)[-1]) == 1


def _regroup(_op: Operator, inputs: Inputs, made: Outputs) -> Ties:
    """Values keep their order in memory (or in blocks): channel c of the longer axis is c mod the shorter one."""
    longer, shorter = sorted((active(inputs)[0], made[0]), key=lambda v: v.channels, reverse=True)
    if longer.channels % shorter.channels:
        return None
    channels = np.arange(longer.channels)
    return (Tie(longer, channels, shorter, channels % shorter.channels),)


def _mean(_op: Operator, inputs: Inputs, made: Outputs) -> Ties:
    source, axes = active(inputs)[0], inputs[1]
    rank = len(source.shape)
    if axes is None or axes.data is None or rank - 1 in [int(a) % rank for a in axes.data.reshape(-1)]:
        return None
    return alike([source], made[0])


_RULES: dict[str, Callable[[Operator, Inputs, Outputs], Ties]] = {
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

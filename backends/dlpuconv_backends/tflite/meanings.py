"""What the quantizer must know of one operator: its kind's entry in `SPECS`, and what the operator itself adds."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.plugin.quantization import Meaning, Range, Scales, active
from dlpuconv_backends.flatbuffer.edit import fused_activation
from dlpuconv_backends.tflite.layers import fused_behind
from dlpuconv_backends.tflite.operators import SPECS
from dlpuconv_backends.tflite.ties import COMMUTING_FUSED, ties_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.plugin.quantization import Value
    from dlpuconv_backends.flatbuffer import Operator, Tensor

_CLIPS = {2: 1.0, 3: 6.0}
"""ActivationFunctionType RELU_N1_TO_1 and RELU6: the bound of what a fused clip lets through."""
BY_CHANNEL = frozenset({
    "ADD", "SUB", "MUL", "SQUARED_DIFFERENCE", "MAXIMUM", "MINIMUM", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1",
    "LEAKY_RELU", "PRELU", "HARD_SWISH", "ELU", "GELU", "EXP", "LOG", "SQRT", "RSQRT", "ABS", "LOGISTIC", "TANH", "PAD",
})  # fmt: skip
"""Functions of single values; what they read may have one channel for all."""
_UNKNOWN = Meaning(scales=Scales.FREE)
"""Of what has no int8 form: refused before anybody asks."""


def meaning_of(
    op: Operator, inputs: Sequence[Value | None], outputs: Sequence[Value], readers: Sequence[Operator]
) -> Meaning:
    """What an operator does.

    Args:
        op: of a float graph, or of an integer one.
        inputs: its own.
        outputs: its own.
        readers: of its first output.
    """
    spec = SPECS.get(op.kind)
    if spec is None:
        return _UNKNOWN
    known = spec.meaning
    fused = fused_activation(op)
    return replace(
        known,
        clamp=_clamp(op) or known.clamp,
        clip=_CLIPS.get(fused, known.clip),
        fused=fused_behind(op),
        padding=_padding(op),
        starves_padding=known.pads and all(r.kind == "MAX_POOL_2D" for r in readers),
        terms=_terms(op),
        ties=_layer_ties(fused) if spec.weighted else ties_of(op, list(inputs), list(outputs)),
        product=op.kind == "MUL" and fused in COMMUTING_FUSED and len(active(inputs)) == 2,
        keeps_channels=_keeps_channels(op),
        joins=int(op.options.axis) % len(op.output.shape) if op.kind == "CONCATENATION" and not fused else None,
        carries=_carries(op),
    )


def _layer_ties(fused: int) -> tuple[()] | None:
    """A layer's channels can be scaled by its weights, if no curve is fused behind it."""
    return () if fused in (0, 1, *_CLIPS) else None


def _keeps_channels(op: Operator) -> bool:
    if op.kind not in BY_CHANNEL or not op.output.shape:
        return False
    if op.kind == "PAD":
        paddings = op.input(1).data
        return paddings is not None and not paddings[-1].any()
    last = op.output.shape[-1]
    return all(not t.shape or t.shape[-1] in (1, last) for t in op.inputs if t is not None)


def _clamp(op: Operator) -> Range | None:
    """The interval of a MAXIMUM or MINIMUM with one number."""
    if op.kind not in ("MAXIMUM", "MINIMUM"):
        return None
    numbers = [t.data for t in op.inputs if t is not None and t.data is not None and t.data.size == 1]
    if len(numbers) != 1 or len(op.inputs) != 2:
        return None
    bound = float(numbers[0].reshape(-1)[0])
    return Range(bound, math.inf) if op.kind == "MAXIMUM" else Range(-math.inf, bound)


def _padding(op: Operator) -> tuple[tuple[int, int], ...]:
    counts = op.input(1).data if op.kind == "PAD" else None
    return () if counts is None else tuple((int(before), int(behind)) for before, behind in counts.reshape(-1, 2))


def _terms(op: Operator) -> int:
    """Length of the sums of a BATCH_MATMUL: the contracted extent of its first operand."""
    if op.kind != "BATCH_MATMUL":
        return 0
    shape = op.input(0).shape
    return math.prod(shape[-2:-1] if getattr(op.options, "adjX", False) else shape[-1:])


def _carries(op: Operator) -> tuple[tuple[int, ...], ...]:
    """By axis of what a RESHAPE or TRANSPOSE makes of an activation: the axes of that which lie behind one another."""
    if op.kind not in ("RESHAPE", "TRANSPOSE") or op.input(0).is_constant:
        return ()
    source = op.input(0)
    if op.kind == "TRANSPOSE":
        order = op.input(1).data
        return () if order is None else tuple((int(axis),) for axis in order.reshape(-1))
    return tuple(_kept(source, op.output, axis) for axis in range(len(op.output.shape)))


def _kept(source: Tensor, output: Tensor, axis: int) -> tuple[int, ...]:
    """The axes of more than one element whose product an axis is, with as many elements behind them."""
    extent, behind = output.shape[axis], math.prod(output.shape[axis + 1 :])
    ends = {math.prod(source.shape[other:]): other for other in range(len(source.shape) + 1)}
    first, last = ends.get(extent * behind), ends.get(behind)
    if extent == 1 or first is None or last is None:
        return ()
    return tuple(other for other in range(first, last) if source.shape[other] > 1)

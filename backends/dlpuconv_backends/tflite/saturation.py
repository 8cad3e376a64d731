"""Which values of an activation its readers can tell apart: the rest needs no codes.

HARD_SWISH makes 0 of everything below -3, an int8 LOGISTIC makes 0 of everything below -6.9, MAX_POOL_2D never lets
the lowest values through, RELU drops what is negative, and SOFTMAX was observed only as far as it tells values apart
(softmax_rows.py). An activation whose readers all do that may saturate there, and its range gets that much finer at no
loss; so may a mask that is added to it. The walk goes backwards, from the outputs, which tell everything apart.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dlpuconv_backends.tflite.numbers import ALL, Range
from dlpuconv_backends.tflite.operators import SPECS, Scales, data_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor

# A quarter of an output step, so that the nudge of a zero point cannot lift the lowest code over half a step.
_SIGMOID_EDGE = math.log(4 * 256 - 1)  # sigmoid(-edge) = 0.25 / 256
_TANH_EDGE = math.log(4 * 256 - 1) / 2  # 1 - tanh(edge) = 0.25 / 128
_GELU_EDGE = 4.0  # gelu(-4) = -1.3e-4; a step of an output that holds [-0.17, 0] is at least 6.7e-4
_ELU_EDGE = math.log(4 * 256 - 1)  # elu(-edge) = -1 + 0.25 / 256

CLAMPS: dict[str, Range] = {
    "RELU": Range(0.0, math.inf),
    "RELU6": Range(0.0, 6.0),
    "RELU_N1_TO_1": Range(-1.0, 1.0),
    "RELU_0_TO_1": Range(0.0, 1.0),
}
"""Operators that do nothing but clamp."""

_DISTINGUISHED: dict[str, Range] = {
    **CLAMPS,
    "HARD_SWISH": Range(-3.0, math.inf),
    "LOGISTIC": Range(-_SIGMOID_EDGE, _SIGMOID_EDGE),
    "TANH": Range(-_TANH_EDGE, _TANH_EDGE),
    "GELU": Range(-_GELU_EDGE, math.inf),
    "ELU": Range(-_ELU_EDGE, math.inf),
}


def distinguished(graph: Graph, observed: Mapping[Tensor, Range]) -> dict[Tensor, Range]:
    """By activation: the interval outside which it may be clamped without any reader noticing.

    Args:
        graph: the float graph.
        observed: lowest and highest value of activations, where they were observed.
    """
    readers: dict[Tensor, list[Operator]] = graph.consumers()
    outputs = set(graph.outputs)
    held = {**_held(graph, observed), **observed}
    found: dict[Tensor, Range] = {}

    def of(tensor: Tensor) -> Range:
        if tensor not in found:  # every reader comes later in the graph, so its outputs are already known
            needs = [_through(op, tensor, found, held) for op in readers.get(tensor, ())]
            found[tensor] = ALL if tensor in outputs or not needs else _hull(needs)
        return found[tensor]

    for op in reversed(graph.operators):
        for tensor in op.outputs:
            of(tensor)
    for tensor in (*graph.inputs, *constants(graph)):
        of(tensor)
    return found


def constants(graph: Graph) -> list[Tensor]:
    """The data constants that are neither weights nor bias, one for each input that reads one."""
    return [t for op in graph.operators for _, t in data_inputs(op) if t.is_constant]


def _held(graph: Graph, observed: Mapping[Tensor, Range]) -> dict[Tensor, Range]:
    """What constants hold, what kernels prescribe, and what tensors hold that have all values of an observed one."""
    found = {t: holds(t) for t in constants(graph)}
    for op in graph.operators:
        spec = SPECS.get(op.kind)
        if spec is not None and spec.fixed is not None:
            found |= dict.fromkeys(op.outputs, spec.fixed.range)
        inputs = data_inputs(op) if spec is not None and spec.reorders else []
        if len(inputs) == 1:
            source = inputs[0][1]
            values = observed.get(source) or found.get(source)
            found |= {out: values for out in op.outputs if values is not None}
    return found


def holds(constant: Tensor) -> Range:
    """From the lowest to the highest value of a constant."""
    if constant.data is None or not constant.data.size:
        return Range(0.0, 0.0)
    return Range(float(constant.data.min()), float(constant.data.max()))


def _hull(ranges: list[Range]) -> Range:
    first, *rest = ranges
    for other in rest:
        first = first.union(other)
    return first


def _through(op: Operator, tensor: Tensor, found: Mapping[Tensor, Range], held: Mapping[Tensor, Range]) -> Range:
    """What `op` can tell apart in one of its data inputs."""
    if op.kind in _DISTINGUISHED:
        own = _DISTINGUISHED[op.kind]
        return own.clamped_to(found.get(op.output, ALL)) if op.kind in CLAMPS else own
    if op.kind == "SOFTMAX":
        return Range(held[tensor].low, math.inf) if tensor in held else ALL
    if op.kind in ("ADD", "SUB"):
        return _through_sum(op, tensor, found.get(op.output, ALL), held)
    spec = SPECS.get(op.kind)
    if spec is None or spec.scales is not Scales.SAME or not spec.moves:
        return ALL
    parts = []
    for out in op.outputs:
        need = found.get(out, ALL)
        if not spec.reorders and out in held:
            need = held[out].clamped_to(need)
        parts.append(need)
    return _hull(parts)


def _through_sum(op: Operator, tensor: Tensor, need: Range, held: Mapping[Tensor, Range]) -> Range:
    """What a constant summand may be clamped to: a mask takes the sum out of what is needed whatever the other one is.

    By as much again as the other one is wide, so that no rounding brings the sum back.
    """
    first, second = op.input(0), op.input(1)
    other = held.get(second if tensor is first else first)
    if not tensor.is_constant or other is None:
        return ALL
    span = other.width
    if op.kind == "ADD":
        return Range(need.low - other.high - span, need.high - other.low + span)
    if tensor is first:
        return Range(need.low + other.low - span, need.high + other.high + span)
    return Range(other.low - need.high - span, other.high - need.low + span)


def clamp_bounds(op: Operator) -> Range | None:
    """The interval that `op` clamps to when it does nothing else, or None."""
    if op.kind in CLAMPS:
        return CLAMPS[op.kind]
    if op.kind not in ("MAXIMUM", "MINIMUM") or len(data_inputs(op)) != 2:
        return None
    constants = [t for _, t in data_inputs(op) if t.data is not None and t.data.size == 1]
    if len(constants) != 1 or constants[0].data is None:
        return None
    bound = float(constants[0].data.reshape(-1)[0])
    return Range(bound, math.inf) if op.kind == "MAXIMUM" else Range(-math.inf, bound)

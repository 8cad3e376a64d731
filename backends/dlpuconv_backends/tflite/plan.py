"""From observed ranges to the parameters of every activation: the stage between statistics and bytes.

`choose_ranges` decides which real values a scale must hold, `plan_activations` turns them into scales under the
operators' constraints. A recipe that knows better ranges replaces the first and keeps the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv_backends.tflite.numbers import ALL, Parameters, Range
from dlpuconv_backends.tflite.operators import SPECS, Scales, data_inputs, data_outputs, is_data
from dlpuconv_backends.tflite.saturation import clamp_bounds, constants, distinguished, holds
from dlpuconv_backends.tflite.segments import Grouping, group

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor

_ADD_HEADROOM = 2.0**-17
"""kernel add.cc: twice the larger input scale over 2^20 must stay below the output's scale; 2^-17 leaves a reserve."""
_HUGE = 1e30
"""A padding value beyond this stands for minus infinity in front of a maximum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationPlan:
    """The parameters of every activation and data constant.

    Attributes:
        parameters: by activation.
        constants: of constants that are neither weights nor bias, by operator and input index.
        requantized: what an operator reads through a QUANTIZE, by operator and input index.
        absorbed: clamps that the saturation of their input's codes already does: they are left out.
    """

    parameters: Mapping[Tensor, Parameters]
    constants: Mapping[tuple[Operator, int], Parameters]
    requantized: Mapping[tuple[Operator, int], Parameters]
    absorbed: tuple[Operator, ...]

    def read_as(self, op: Operator, index: int) -> Parameters:
        """The parameters of what `op` reads at an input, after the QUANTIZE if there is one."""
        at = (op, index)
        if at in self.requantized:
            return self.requantized[at]
        return self.constants[at] if at in self.constants else self.parameters[op.input(index)]


def observed_tensors(graph: Graph) -> list[Tensor]:
    """The activations whose ranges are needed, in graph order.

    Not those whose kernel prescribes a scale, nor those that hold just the values of another one.
    """
    needed = [t for t in graph.inputs if is_data(t)]
    for op in graph.operators:
        spec = SPECS[op.kind] if data_outputs(op) else None
        if spec is None or spec.scales is Scales.FIXED:
            continue
        if spec.scales is Scales.SAME and spec.reorders and len(data_inputs(op)) == 1:
            continue
        if op.kind != "PADV2":  # pads with minus infinity in front of a MAX_POOL_2D
            needed.extend(data_outputs(op))
    return needed


def choose_ranges(graph: Graph, observed: Mapping[Tensor, Range]) -> dict[Tensor, Range]:
    """The real values that the scale of each activation and constant must hold: those that a reader can tell apart.

    Args:
        graph: the float graph.
        observed: lowest and highest value of `observed_tensors(graph)`.
    """
    needs = distinguished(graph, observed)
    held = {**observed, **{t: holds(t) for t in constants(graph)}}
    chosen = {t: values.clamped_to(needs.get(t, ALL)) for t, values in held.items()}
    for op in graph.operators:
        if op.kind in ("ADD", "SUB") and op.output in chosen:
            widest = max((chosen[t].width for _, t in data_inputs(op) if t in chosen), default=0.0)
            if chosen[op.output].width < widest * _ADD_HEADROOM:
                chosen[op.output] = Range(-widest * _ADD_HEADROOM, widest * _ADD_HEADROOM)
        for index, constant in data_inputs(op):
            if constant.is_constant and SPECS[op.kind].scales is Scales.SAME and _matters(graph, op, index):
                _widen(chosen, op, chosen[constant])  # it shares the output's scale
    return chosen


def _matters(graph: Graph, op: Operator, index: int) -> bool:
    """False for padding in front of maxima, which may saturate, and for a MAXIMUM's own bound, seen in its output."""
    constant = op.input(index)
    if op.kind in ("MAXIMUM", "MINIMUM") and clamp_bounds(op) is not None:
        return False
    huge = constant.data is not None and abs(constant.data).max(initial=0.0) > _HUGE
    pooled = op.kind == "PADV2" and all(r.kind == "MAX_POOL_2D" for r in graph.consumers().get(op.output, ()))
    return not (huge or pooled)


def _widen(chosen: dict[Tensor, Range], op: Operator, values: Range) -> None:
    for out in data_outputs(op):
        chosen[out] = chosen[out].union(values) if out in chosen else values


def plan_activations(
    graph: Graph, chosen: Mapping[Tensor, Range], inputs: Mapping[Tensor, Parameters]
) -> ActivationPlan:
    """Scales under the constraints of the operators.

    Args:
        graph: the float graph.
        chosen: what each activation must hold.
        inputs: parameters that inputs of the graph must have.
    """
    prescribed = dict(inputs)
    for op in graph.operators:
        fixed = SPECS[op.kind].fixed if data_outputs(op) else None
        if fixed:
            prescribed[op.output] = fixed

    clamps = [op for op in graph.operators if _may_be_absorbed(op, chosen)]
    while True:
        keeping = {*clamps, *(op for op in graph.operators if _keeps_scale(op))}
        grouping = group(graph, chosen, prescribed, keeping)
        parameters = {tensor: g.parameters for tensor, g in grouping.group.items()}
        absorbed = [op for op in clamps if _is_absorbed(op, parameters, graph)]
        if absorbed == clamps:
            break
        clamps = absorbed  # a join widened the others' range beyond their bounds: they get a scale of their own
    return ActivationPlan(
        parameters=parameters,
        constants=_constants(graph, parameters, chosen),
        requantized=_requantized(grouping, parameters),
        absorbed=tuple(absorbed),
    )


def _keeps_scale(op: Operator) -> bool:
    return bool(data_outputs(op)) and SPECS[op.kind].scales is Scales.SAME


def _may_be_absorbed(op: Operator, chosen: Mapping[Tensor, Range]) -> bool:
    bounds = clamp_bounds(op)
    inputs = [t for _, t in data_inputs(op) if not t.is_constant]
    return bounds is not None and len(inputs) == 1 and inputs[0] in chosen and _zeroed(chosen[inputs[0]]).within(bounds)


def _zeroed(values: Range) -> Range:
    return values.union(Range(0.0, 0.0))  # zero always has a code


def _is_absorbed(op: Operator, parameters: Mapping[Tensor, Parameters], graph: Graph) -> bool:
    """True when no code of the input lies outside the clamp, so that it changes nothing."""
    bounds = clamp_bounds(op)
    inputs = [t for _, t in data_inputs(op) if not t.is_constant]
    if bounds is None or len(inputs) != 1 or parameters.get(inputs[0]) != parameters.get(op.output):
        return False
    if op.output in graph.outputs and (inputs[0] in graph.outputs or inputs[0] in graph.inputs):
        return False  # each needs a tensor, and a name, of its own
    p = parameters[inputs[0]]
    return p.range.within(bounds, slack=p.scale / 2)


def _requantized(grouping: Grouping, parameters: Mapping[Tensor, Parameters]) -> dict[tuple[Operator, int], Parameters]:
    wanted = {(op, i): parameters[op.output] for op, i in grouping.cut}
    return {(op, i): p for (op, i), p in wanted.items() if parameters[op.input(i)] != p}


def _constants(
    graph: Graph, parameters: Mapping[Tensor, Parameters], chosen: Mapping[Tensor, Range]
) -> dict[tuple[Operator, int], Parameters]:
    found = {}
    for op in graph.operators:
        for index, tensor in data_inputs(op):
            if tensor.data is not None:
                found[op, index] = parameters[op.output] if _keeps_scale(op) else _own(op, tensor.data, chosen[tensor])
    return found


def _own(op: Operator, values: npt.NDArray[Any], needed: Range) -> Parameters:
    return Parameters.holding(np.clip(values, needed.low, needed.high), SPECS[op.kind].scale_limit)

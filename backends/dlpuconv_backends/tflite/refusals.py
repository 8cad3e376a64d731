"""Operators without an int8 form are refused together, with their ONNX names and where to cut them off."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.ir.source_names import UNKNOWN
from dlpuconv.language.brief import listed
from dlpuconv_backends.tflite.naming import names_of
from dlpuconv_backends.tflite.operators import SPECS, data_inputs, is_data

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.ir.source_names import SourceNames
    from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
    from dlpuconv_backends.tflite.numbers import Range
    from dlpuconv_backends.tflite.plan import ActivationPlan

_SHOWN = 12
_HUGE = 1e20
"""Far beyond what a trained network computes with, and far below where a multiplier overflows."""
_POSITIVE = {
    "RSQRT": "divides by the square root of",
    "SQRT": "takes the square root of",
    "LOG": "takes the logarithm of",
}


def refuse_unsupported(graph: Graph, names: SourceNames = UNKNOWN) -> None:
    """Check that every operator has an int8 form.

    Raises:
        UnsupportedModelError: lists all that have none, with a way out.
    """
    refused = {op: reason for op in graph.operators if (reason := _reason(op))}
    if refused:
        raise _refusal(graph, refused, names)


def refuse_undefined(graph: Graph, observed: Mapping[Tensor, Range], names: SourceNames = UNKNOWN) -> None:
    """Check that roots and logarithms see no negative values on the samples.

    Raises:
        UnsupportedModelError: lists all that do: their int8 kernels, and the integer form of a division, need
            values above zero.
    """
    refused = {}
    for op in graph.operators:
        values = observed.get(op.input(0)) if op.kind in _POSITIVE else None
        if values is not None and not values.low >= 0:
            refused[op] = f"{_POSITIVE[op.kind]} values down to {values.low:.3g}"
    if refused:
        raise _refusal(graph, refused, names)


def refuse_too_wide(graph: Graph, chosen: Mapping[Tensor, Range], names: SourceNames = UNKNOWN) -> None:
    """Check that scales are numbers that the kernels can multiply with: LiteRT ends at some that are not.

    Args:
        graph: float.
        chosen: what the scale of each activation and constant must hold.
        names: what the source model calls its nodes.

    Raises:
        UnsupportedModelError: lists the operators that make such values, or read them.
    """
    refused = {}
    for op in graph.operators:
        made = [chosen[op.output]] if op.output in chosen else []
        if wide := [values for values in made if values.width > _HUGE]:
            told = f"from {wide[0].low:.3g} to {wide[0].high:.3g}"
            refused[op] = f"gives values {told}, beside which 8 bits hold no others"
    if refused:
        raise _refusal(graph, refused, names)


def refuse_coarse(graph: Graph, plan: ActivationPlan, names: SourceNames = UNKNOWN) -> None:
    """Check that comparisons read scales that their kernel knows: from 1 on it gives wrong answers, or none.

    Args:
        graph: float.
        plan: of its activations: a scale may be coarser than the values in it ask for.
        names: what the source model calls its nodes.

    Raises:
        UnsupportedModelError: lists the comparisons whose are not.
    """
    refused = {}
    for op in graph.operators:
        scales = [plan.read_as(op, index).scale for index, _ in data_inputs(op)]
        if scales and max(scales) >= SPECS[op.kind].scale_limit:
            refused[op] = f"compares values in steps of {max(scales):.3g}, and TFLite's kernel needs steps below 1"
    if refused:
        raise _refusal(graph, refused, names)


def _reason(op: Operator) -> str | None:
    """Why an operator has no int8 form; None where it has one, or works on integers anyway."""
    if not any(map(is_data, [*op.inputs, *op.outputs])):
        wide = [t for t in op.outputs if t.dtype.kind == "f"]
        return f"computes in {wide[0].dtype.name}" if wide else None
    spec = SPECS.get(op.kind)
    if spec is None:
        return "has no int8 kernel"
    if spec.weights is not None:
        weights = op.input(spec.weights.weights)
        if weights.data is None:
            return "has weights that are computed at run time"
        if not np.isfinite(weights.data).all():
            return "has weights that are not finite"
    if op.kind != "PADV2" and any(t.data is not None and not np.isfinite(t.data).all() for _, t in data_inputs(op)):
        return "reads a constant that is not finite"
    fused = int(getattr(op.options, "fusedActivationFunction", 0) or 0)
    if op.kind == "CONCATENATION" and fused:
        return "has a fused activation, which int8 does not know"
    return None


def _refusal(graph: Graph, refused: Mapping[Operator, str], names: SourceNames) -> UnsupportedModelError:
    known = names_of(graph, names)
    found = [f"{op.kind} ({known[op].title!r}) {reason}" for op, reason in refused.items()]
    cut = ",".join(_cut_points(graph, refused))
    if cut:
        way_out = f": end the graph in front of them with --cut-at {quote(cut)} and compute the rest on the CPU"
    else:
        way_out = "; no computed value stands in front of them: export the network from behind them, with float inputs"
    shown = listed(found, _SHOWN, "; ")
    return UnsupportedModelError(f"{len(found)} operator(s) have no integer form: {shown}{way_out}", found)


def _cut_points(graph: Graph, refused: Mapping[Operator, str]) -> list[str]:
    """ONNX values at which a graph ends that holds no refused operator, and no operator that depends on one."""
    nodes = {op.source_name for op in refused if op.source_name}  # a node may have become several operators
    tainted: set[Tensor] = set()
    points: dict[str, None] = {}
    for op in graph.operators:
        inputs = [t for t in op.inputs if t is not None]
        if op not in refused and op.source_name not in nodes and not any(t in tainted for t in inputs):
            continue
        tainted.update(op.outputs)
        points.update(dict.fromkeys(_name(t) for t in inputs if _can_end_at(graph, t, tainted)))
    clean = [t for t in graph.outputs if t not in tainted and not t.is_constant]
    points.update(dict.fromkeys(map(_name, clean)))
    return [name for name in points if name]


def _can_end_at(graph: Graph, tensor: Tensor, tainted: set[Tensor]) -> bool:
    if not is_data(tensor) or tensor.is_constant or tensor in tainted:
        return False
    return _name(tensor) not in {_name(source) for source in graph.inputs}  # an input in another layout is one, too


def _name(tensor: Tensor) -> str:
    return tensor.source_names[0] if tensor.source_names else tensor.name

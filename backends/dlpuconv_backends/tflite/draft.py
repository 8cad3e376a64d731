"""Integer files without samples: the layers that a real file would have, with placeholders for its scales."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.plugin import Draft
from dlpuconv.quantization import Observer, Recipe
from dlpuconv_backends.flatbuffer import encode
from dlpuconv_backends.tflite.emit import Interface
from dlpuconv_backends.tflite.interface import prescribed_inputs
from dlpuconv_backends.tflite.naming import names_of
from dlpuconv_backends.tflite.numbers import Range
from dlpuconv_backends.tflite.operators import SPECS, Scales, data_inputs, data_outputs
from dlpuconv_backends.tflite.plan import observed_tensors
from dlpuconv_backends.tflite.quantizer import quantize
from dlpuconv_backends.tflite.tuning import Tuned
from dlpuconv_backends.tflite.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.plugin import Job, Target
    from dlpuconv_backends.flatbuffer import Graph, Operator

_EVERYWHERE = Range(-1024.0, 1016.0)
"""One range for all activations, steps of 8: no rule that compares scales has anything to say of numbers that nobody
measured. It is wide beside the scalars that networks add, so that it still holds zero when one was added."""


def draft(graph: Graph, job: Job, target: Target) -> Draft:
    """Quantize a legal float graph, of unique names, under placeholders; it is not changed."""
    tuned = Tuned(graph=graph, ranges=_placeholders(graph), names=job.names)
    recipe = Recipe(granularity=target.scheme.weights, observer=Observer.MINMAX)
    interface = Interface(input_dtype=job.interface.input_dtype, output_dtype=job.interface.output_dtype)
    made = quantize(tuned, recipe, interface, prescribed_inputs(job.bindings)).graph
    return Draft(
        view=parse_tflite(encode(made, versions_of(made))),
        layers=tuple(names_of(made, job.names).values()),
    )


def _placeholders(graph: Graph) -> dict[str, Range]:
    """A range for each observed tensor by name: one for all, but where an operator ties its output to its input."""
    known = {op.output.name: spec.fixed.range for op in graph.operators if (spec := SPECS.get(op.kind)) and spec.fixed}
    for operator in graph.operators:
        tied = _tied(operator, known)
        if tied is not None:
            known.update(dict.fromkeys((tensor.name for tensor in data_outputs(operator)), tied))
    return {tensor.name: known.get(tensor.name, _EVERYWHERE) for tensor in observed_tensors(graph)}


def _tied(operator: Operator, known: Mapping[str, Range]) -> Range | None:
    """What an operator makes of its inputs' ranges, where it moves codes or scales or shifts by a scalar."""
    tensors = [tensor for _, tensor in data_inputs(operator)]
    ranges = [known.get(tensor.name, _EVERYWHERE) for tensor in tensors if not tensor.is_constant]
    spec = SPECS.get(operator.kind)
    if ranges and spec is not None and spec.scales is Scales.SAME:
        return reduce(Range.union, ranges)
    scalars = [float(t.data.item()) for t in tensors if t.data is not None and t.data.size == 1]
    fused = getattr(operator.options, "fusedActivationFunction", None)
    if operator.kind not in ("MUL", "ADD") or fused or not len(ranges) == len(scalars) == 1:
        return None
    ends = [end * scalars[0] if operator.kind == "MUL" else end + scalars[0] for end in (ranges[0].low, ranges[0].high)]
    return Range(min(ends), max(ends))

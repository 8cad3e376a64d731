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
"""One range for all activations: where ranges are equal, the quantizer puts nothing between layers."""


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
    """A range for each observed tensor by name: one for all, but where an operator fixes or moves its input's."""
    known = {op.output.name: spec.fixed.range for op in graph.operators if (spec := SPECS.get(op.kind)) and spec.fixed}
    for operator in graph.operators:
        tied = _tied(operator, known)
        if tied is not None:
            known.update(dict.fromkeys((tensor.name for tensor in data_outputs(operator)), tied))
    return {tensor.name: known.get(tensor.name, _EVERYWHERE) for tensor in observed_tensors(graph)}


def _tied(operator: Operator, known: Mapping[str, Range]) -> Range | None:
    """What an operator makes of its inputs' ranges, where it moves codes."""
    tensors = [tensor for _, tensor in data_inputs(operator)]
    ranges = [known.get(tensor.name, _EVERYWHERE) for tensor in tensors if not tensor.is_constant]
    spec = SPECS.get(operator.kind)
    return reduce(Range.union, ranges) if ranges and spec is not None and spec.scales is Scales.SAME else None

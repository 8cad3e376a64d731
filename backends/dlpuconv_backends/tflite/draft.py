"""Integer files without samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin import INT8, Draft
from dlpuconv.plugin.quantization import names_of, prescribed_inputs, quantize_blindly
from dlpuconv.plugin.tflite import parse_tflite
from dlpuconv_backends.flatbuffer import encode
from dlpuconv_backends.tflite.emission import build
from dlpuconv_backends.tflite.interface import interface_of
from dlpuconv_backends.tflite.network import TFLiteNetwork
from dlpuconv_backends.tflite.versions import versions_of

if TYPE_CHECKING:
    from dlpuconv.plugin import Job, Target
    from dlpuconv_backends.flatbuffer import Graph


def draft(graph: Graph, job: Job, target: Target) -> Draft:
    """Quantize a legal float graph, of unique names, under placeholders; it is not changed."""
    blind = quantize_blindly(TFLiteNetwork(graph), target.scheme, prescribed_inputs(job.bindings, INT8), job.names)
    made = build(blind, interface_of(job))
    return Draft(
        view=parse_tflite(encode(made, versions_of(made))),
        layers=tuple(names_of(TFLiteNetwork(made), job.names).values()),
    )

"""Operators without an int8 form are refused together, with their ONNX names and where to cut them off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.ir.source_names import UNKNOWN
from dlpuconv.quantization.refusals import refuse
from dlpuconv_backends.tflite.network import TFLiteNetwork
from dlpuconv_backends.tflite.operators import SPECS, data_inputs, is_data

if TYPE_CHECKING:
    from dlpuconv.ir.source_names import SourceNames
    from dlpuconv_backends.flatbuffer import Graph, Operator


def refuse_unsupported(graph: Graph, names: SourceNames = UNKNOWN) -> None:
    """Check that every operator has an int8 form.

    Raises:
        UnsupportedModelError: lists all that have none, with a way out.
    """
    reasons = {op: reason for op in graph.operators if (reason := _reason(op))}
    if reasons:
        network = TFLiteNetwork(graph)
        refuse(
            network,
            {n: reasons[op] for n, op in zip(network.nodes, graph.operators, strict=True) if op in reasons},
            names,
        )


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

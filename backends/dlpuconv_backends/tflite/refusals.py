"""Operators without an int8 form are refused together, with their ONNX names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.plugin.onnx import UNKNOWN
from dlpuconv.plugin.quantization import refuse
from dlpuconv_backends.flatbuffer.edit import fused_activation
from dlpuconv_backends.tflite.network import TFLiteNetwork, operator_of
from dlpuconv_backends.tflite.operators import SPECS

if TYPE_CHECKING:
    from dlpuconv.plugin.onnx import SourceNames
    from dlpuconv.plugin.quantization import Node
    from dlpuconv_backends.flatbuffer import Graph


def refuse_unsupported(graph: Graph, names: SourceNames = UNKNOWN) -> None:
    """Check that every operator has an int8 form.

    Raises:
        UnsupportedModelError: lists all that have none.
    """
    network = TFLiteNetwork(graph)
    refuse(network, {node: reason for node in network.nodes if (reason := _reason(node))}, names)


def _reason(node: Node) -> str | None:
    """Why a node has no int8 form; None where it has one, or works on integers anyway."""
    if not any(v is not None and v.is_data for v in (*node.inputs, *node.outputs)):
        wide = [v for v in node.outputs if v.dtype.kind == "f"]
        return f"computes in {wide[0].dtype.name}" if wide else None
    if node.kind not in SPECS:
        return "has no int8 kernel"
    if node.layer is not None:
        if node.layer.weights is None:
            return "has weights that are computed at run time"
        if not np.isfinite(node.layer.weights).all():
            return "has weights that are not finite"
    constants = [v.data for _, v in node.data_inputs if v.data is not None and not node.meaning.pads]
    if not all(np.isfinite(values).all() for values in constants):
        return "reads a constant that is not finite"
    if node.kind == "CONCATENATION" and fused_activation(operator_of(node)):
        return "has a fused activation, which int8 does not know"
    return None

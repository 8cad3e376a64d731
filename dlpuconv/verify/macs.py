"""Multiplications of a TensorFlow Lite layer, and bytes of its parameters."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from dlpuconv.verify.granularity import WEIGHTED

if TYPE_CHECKING:
    from dlpuconv.formats.view import FileView, LayerView

_BYTES = {"float32": 4, "int32": 4, "int64": 8, "float64": 8, "float16": 2, "int16": 2, "bfloat16": 2}


def macs(view: FileView, layer: LayerView) -> int:
    """Multiply-accumulates of one inference; 0 for ops that have none to speak of.

    Convolutions: outputs x KH x KW x C_in; depthwise: outputs x KH x KW; transposed: inputs x KH x KW x C_out;
    fully connected: outputs x C_in; batch matmul: outputs x the shared axis.
    """
    if not layer.outputs:
        return 0
    made = view.tensors[layer.outputs[0]].size
    if layer.op == "BATCH_MATMUL":
        left = view.tensor(layer.inputs[0]) if layer.inputs else None
        shared = (
            (left.shape[-2] if layer.options.get("adj_x") else left.shape[-1]) if left and len(left.shape) > 1 else 0
        )
        return made * max(shared, 0)
    form = WEIGHTED.get(layer.op)
    if form is None or form.weights >= len(layer.inputs) or form.activation >= len(layer.inputs):
        return 0
    weights, activation = view.tensor(layer.inputs[form.weights]), view.tensor(layer.inputs[form.activation])
    if weights is None or activation is None or not weights.shape:
        return 0
    if layer.op == "TRANSPOSE_CONV":
        return activation.size * prod(weights.shape[:3])
    if layer.op == "DEPTHWISE_CONV_2D":
        return made * prod(weights.shape[1:3])
    if layer.op == "CONV_3D":
        return made * prod(weights.shape[:4])
    return made * prod(weights.shape[1:])


def parameter_bytes(view: FileView) -> int:
    """Bytes of all constants that layers read."""
    used = {index for layer in view.layers for index in layer.inputs if index >= 0 and view.tensors[index].constant}
    return sum(view.tensors[index].size * _BYTES.get(view.tensors[index].dtype, 1) for index in used)

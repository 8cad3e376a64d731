"""Half and double precision become float32 throughout: weights, inputs, outputs, casts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dlpuconv.frontends.protos import all_nodes, all_tensors, walk_graphs
from dlpuconv.frontends.weights import FLOATS, to_array

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import onnx

FLOAT32: Final = 1

_TYPE_ATTRIBUTES: Final = {"to", "dtype", "output_datatype", "output_dtype"}
"""Attributes of standard operators that hold a TensorProto.DataType."""


def to_float32(model: onnx.ModelProto) -> None:
    """Make the model compute in float32, in place. Integers stay as they are."""
    for _, tensor in all_tensors(model):
        if _is_other_float(tensor.data_type):
            _convert(tensor)
    for node in all_nodes(model):
        for attribute in node.attribute:
            if attribute.name in _TYPE_ATTRIBUTES and _is_other_float(attribute.i):
                attribute.i = FLOAT32
    for graph in walk_graphs(model.graph):
        for value in (*graph.input, *graph.output, *graph.value_info):
            if _is_other_float(value.type.tensor_type.elem_type):
                value.type.tensor_type.elem_type = FLOAT32


def _is_other_float(data_type: int) -> bool:
    return data_type in FLOATS and data_type != FLOAT32


def _convert(tensor: onnx.TensorProto) -> None:
    import onnx

    converted = onnx.numpy_helper.from_array(_float32(to_array(tensor)), tensor.name)
    tensor.CopyFrom(converted)


def _float32(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """Values as float32; a finite double beyond float32's range (a mask, mostly) becomes its largest value."""
    import numpy as np

    wide = values.astype(np.float64)
    limit = float(np.finfo(np.float32).max)
    return np.where(np.isinf(wide), wide, np.clip(wide, -limit, limit)).astype(np.float32)

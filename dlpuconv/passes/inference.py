"""Types and shapes of one node's outputs, by ONNX's own rules."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import onnx
import onnx.checker
import onnx.defs
import onnx.shape_inference
import onnx_ir

if TYPE_CHECKING:
    from onnx_ir import Node, Value

SMALL = 4096
"""Constants up to this many elements are shown to shape inference; shapes, axes, scales and splits are smaller."""

_FLOATS_MATTER = frozenset(("Resize", "Upsample", "Range"))


def infer(node: Node, opset: int) -> bool:
    """Set dtype and shape of the node's outputs from its inputs.

    Args:
        node: of the default domain, its inputs typed.
        opset: version of the default domain.

    Returns:
        True if every output has a static shape afterwards. An output keeps what it had where inference is at a loss.
    """
    schema = _schema(node.op_type, opset)
    if schema is None or any(v is not None and v.dtype is None for v in node.inputs):
        return _all_static(node)
    types = {v.name: _type(v) for v in node.inputs if v is not None and v.name}
    data = {v.name: _tensor(v) for v in node.inputs if v is not None and v.name and _matters(node, v)}
    opsets = [onnx.helper.make_opsetid("", opset)]
    try:
        found = onnx.shape_inference.infer_node_outputs(
            schema, onnx_ir.to_proto(node), types, data, opset_imports=opsets
        )
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError):
        found = {}
    for output in node.outputs:
        if output.name in found:
            _apply(output, found[output.name])
    return _all_static(node)


def _all_static(node: Node) -> bool:
    return all(o.name == "" or (o.shape is not None and o.shape.is_static()) for o in node.outputs)


@cache
def _schema(operator: str, opset: int) -> onnx.defs.OpSchema | None:
    if not onnx.defs.has(operator, opset, ""):
        return None
    return onnx.defs.get_schema(operator, opset, "")


def _type(value: Value) -> onnx.TypeProto:
    dims = None if value.shape is None else [d if isinstance(d, int) else None for d in value.shape]
    return onnx.helper.make_tensor_type_proto(int(value.dtype or 0), dims)


def _matters(node: Node, value: Value) -> bool:
    """True for a constant that the shapes of the node's outputs may depend on."""
    if not value.is_initializer() or value.const_value is None or value.dtype is None:
        return False
    numbers = not value.dtype.is_floating_point() or node.op_type in _FLOATS_MATTER
    return numbers and value.const_value.size <= SMALL


def _tensor(value: Value) -> onnx.TensorProto:
    assert value.const_value is not None
    proto = onnx_ir.to_proto(value.const_value)
    assert isinstance(proto, onnx.TensorProto)
    return proto


def _apply(value: Value, found: onnx.TypeProto) -> None:
    if not found.HasField("tensor_type"):
        return
    tensor = found.tensor_type
    if tensor.elem_type:
        value.type = onnx_ir.TensorType(onnx_ir.DataType(tensor.elem_type))
    if not tensor.HasField("shape"):
        return
    shape = onnx_ir.Shape([d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim])
    if shape.is_static() or value.shape is None:
        value.shape = shape

"""Types and shapes of one node's outputs, by ONNX's own rules."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import onnx
import onnx.defs
import onnx_ir

from dlpuconv.errors import ModelError
from dlpuconv.formats.onnx_rules import LostError, infer_node

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
    if not _is_known(node.op_type, opset) or any(v is not None and v.dtype is None for v in node.inputs):
        return _all_static(node)
    try:
        found = infer_node(_alone(node, opset))
    except LostError as error:
        raise ModelError(
            f"ONNX's own shape inference of {node.op_type} {node.name!r} {error}", id="model-onnx-crash"
        ) from error
    for output in node.outputs:
        if output.name and output.name in found:
            _apply(output, found[output.name])
    return _all_static(node)


def _all_static(node: Node) -> bool:
    return all(o.name == "" or (o.shape is not None and o.shape.is_static()) for o in node.outputs)


@cache
def _is_known(operator: str, opset: int) -> bool:
    return onnx.defs.has(operator, opset, "")


def _alone(node: Node, opset: int) -> onnx.ModelProto:
    """A model of this node, with the constants that the shapes of its outputs may depend on."""
    read = {v.name: v for v in node.inputs if v is not None and v.name}
    proto = onnx_ir.to_proto(node)
    proto.ClearField("name")  # equal questions have one answer
    proto.ClearField("metadata_props")
    graph = onnx.GraphProto(
        node=[proto],
        input=[onnx.ValueInfoProto(name=name, type=_type(v)) for name, v in read.items()],
        initializer=[_tensor(v) for v in read.values() if _matters(node, v)],
    )
    return onnx.ModelProto(graph=graph, opset_import=[onnx.helper.make_opsetid("", opset)])


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
    proto.name = value.name or ""
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

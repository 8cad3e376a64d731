"""One form of constant: initializers, which are no inputs."""

from __future__ import annotations

import onnx

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.frontends.protos import all_nodes, walk_graphs

IR_VERSION = 10
"""What we write: new enough for every type that is left, and ONNX Runtime of the last years reads it."""


def screen_sparse(proto: onnx.ModelProto) -> None:
    """Check that no constant is sparse.

    Raises:
        UnsupportedModelError: one is.
    """
    names = [sparse.values.name for graph in walk_graphs(proto.graph) for sparse in graph.sparse_initializer]
    names += [
        (*node.output, "")[0]
        for node in all_nodes(proto)
        for attribute in node.attribute
        if attribute.HasField("sparse_tensor") or attribute.sparse_tensors
    ]
    if names:
        raise UnsupportedModelError(
            f"the weights {names[0]!r} are sparse, which cannot be converted: make them dense", id="tensor-sparse"
        )


def lift_constants(graph: onnx.GraphProto) -> None:
    """Constant nodes become initializers, in place."""
    for index in range(len(graph.node) - 1, -1, -1):
        node = graph.node[index]
        if node.op_type != "Constant" or node.domain or len(node.attribute) != 1 or len(node.output) != 1:
            continue
        tensor = _constant(node.attribute[0], node.output[0])
        if tensor is not None:
            graph.initializer.append(tensor)
            del graph.node[index]


def drop_constant_inputs(proto: onnx.ModelProto) -> None:
    """Before IR version 4 weights were also listed as inputs; here they are weights only. In place."""
    constants = {tensor.name for tensor in proto.graph.initializer}
    for index in range(len(proto.graph.input) - 1, -1, -1):
        if proto.graph.input[index].name in constants:
            del proto.graph.input[index]
    proto.ir_version = IR_VERSION


def use_default_domain(proto: onnx.ModelProto) -> None:
    """`ai.onnx` is another name of the default domain; here it has only the empty one. In place."""
    for imported in proto.opset_import:
        if imported.domain == "ai.onnx":
            imported.domain = ""
    for node in all_nodes(proto):
        if node.domain == "ai.onnx":
            node.domain = ""


def _constant(attribute: onnx.AttributeProto, name: str) -> onnx.TensorProto | None:
    make = onnx.helper.make_tensor
    match attribute.name:
        case "value":
            tensor = onnx.TensorProto()
            tensor.CopyFrom(attribute.t)
            tensor.name = name
            return tensor
        case "value_int":
            return make(name, onnx.TensorProto.INT64, [], [attribute.i])
        case "value_float":
            return make(name, onnx.TensorProto.FLOAT, [], [attribute.f])
        case "value_ints":
            return make(name, onnx.TensorProto.INT64, [len(attribute.ints)], list(attribute.ints))
        case "value_floats":
            return make(name, onnx.TensorProto.FLOAT, [len(attribute.floats)], list(attribute.floats))
        case _:
            return None

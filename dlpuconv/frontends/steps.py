"""The steps from a model as it was read to a Model, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import onnx_ir

from dlpuconv.errors import ModelError
from dlpuconv.frontends.cut import cut
from dlpuconv.frontends.inference import Inferred, check_outputs, infer, is_static
from dlpuconv.frontends.precision import to_float32
from dlpuconv.frontends.shapes import bind_inputs, screen_input_types
from dlpuconv.frontends.structure import screen_structure
from dlpuconv.frontends.weights import screen_tensors
from dlpuconv.ir import Model

if TYPE_CHECKING:
    from dlpuconv.frontends.onnx_file import Acquired
    from dlpuconv.frontends.options import SourceOptions

IR_VERSION = 10
"""What we write: new enough for every opset's types, old enough for every ONNX Runtime of the last years."""


def finish(acquired: Acquired, options: SourceOptions) -> Model:
    """Check, cut and type a model that was read.

    Raises:
        DlpuconvError: see `load`.
    """
    proto = acquired.proto
    graph = proto.graph
    screen_tensors(proto)
    lift_constants(graph)
    drop_constant_inputs(proto)
    screen_structure(graph)
    cut(graph, options.cut_at)
    screen_input_types(graph)
    to_float32(proto)
    bind_inputs(graph, options.input_shapes)
    inferred = infer(proto)
    check_outputs(proto, inferred)
    declare(graph, inferred)
    name_nodes(graph)
    return Model(graph=_graph(proto), source=acquired.source)


def lift_constants(graph: onnx.GraphProto) -> None:
    """Constant nodes become initializers, in place: one form of constant for all that follows."""
    for index in range(len(graph.node) - 1, -1, -1):
        node = graph.node[index]
        if node.op_type != "Constant" or node.domain not in ("", "ai.onnx") or len(node.attribute) != 1:
            continue
        tensor = _constant(node.attribute[0], node.output[0])
        if tensor is not None:
            graph.initializer.append(tensor)
            del graph.node[index]


def _constant(attribute: onnx.AttributeProto, name: str) -> onnx.TensorProto | None:
    kind = attribute.name
    if kind == "value":
        tensor = onnx.TensorProto()
        tensor.CopyFrom(attribute.t)
        tensor.name = name
        return tensor
    if kind in ("value_int", "value_float"):
        integer = kind == "value_int"
        value = attribute.i if integer else attribute.f
        return onnx.helper.make_tensor(name, onnx.TensorProto.INT64 if integer else onnx.TensorProto.FLOAT, [], [value])
    if kind == "value_ints":
        return onnx.helper.make_tensor(name, onnx.TensorProto.INT64, [len(attribute.ints)], list(attribute.ints))
    if kind == "value_floats":
        return onnx.helper.make_tensor(name, onnx.TensorProto.FLOAT, [len(attribute.floats)], list(attribute.floats))
    return None


def drop_constant_inputs(proto: onnx.ModelProto) -> None:
    """Before IR version 4 weights were also listed as inputs; here they are weights only."""
    constants = {tensor.name for tensor in proto.graph.initializer}
    for index in range(len(proto.graph.input) - 1, -1, -1):
        if proto.graph.input[index].name in constants:
            del proto.graph.input[index]
    proto.ir_version = max(proto.ir_version, IR_VERSION)


def declare(graph: onnx.GraphProto, inferred: Inferred) -> None:
    """Write what was inferred into the graph, in place."""
    outputs = {value.name for value in graph.output}
    del graph.value_info[:]
    made = [name for node in graph.node for name in node.output if name and name not in outputs]
    graph.value_info.extend(inferred.types[name] for name in made if name in inferred.types)
    for value in graph.output:
        value.CopyFrom(inferred.types[value.name])


def name_nodes(graph: onnx.GraphProto) -> None:
    """Give every node a name of its own, in place: `Conv_12` where there was none or a second one."""
    taken = {node.name for node in graph.node}
    seen: set[str] = {""}
    for index, node in enumerate(graph.node):
        if node.name in seen:
            stem = node.name or node.op_type
            number = index
            while f"{stem}_{number}" in taken:
                number += 1
            node.name = f"{stem}_{number}"
            taken.add(node.name)
        seen.add(node.name)


def _graph(proto: onnx.ModelProto) -> onnx_ir.Model:
    try:
        return onnx_ir.from_proto(proto)
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ModelError(f"the model cannot be read: {error}") from error


__all__ = ["finish", "is_static"]

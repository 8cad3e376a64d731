"""The steps from a model as it was read to a Model, in order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dlpuconv.errors import ModelError, ShapeError
from dlpuconv.frontends.attributes import screen_attributes, screen_references
from dlpuconv.frontends.batches import batch_pictures
from dlpuconv.frontends.branches import inline_branches, screen_branches
from dlpuconv.frontends.constant_loops import compute_constant_loops
from dlpuconv.frontends.constants import drop_constant_inputs, lift_constants, screen_sparse, use_default_domain
from dlpuconv.frontends.counted_loops import unroll_counted_loops
from dlpuconv.frontends.cut import cut, remove_dead
from dlpuconv.frontends.defaults import write_defaults_out
from dlpuconv.frontends.empties import drop_empty_operands
from dlpuconv.frontends.functions import inline_functions
from dlpuconv.frontends.inference import Inferred, check_values, infer
from dlpuconv.frontends.masks import make_masks_finite
from dlpuconv.frontends.node_names import name_nodes
from dlpuconv.frontends.operands import screen_constants, screen_operands
from dlpuconv.frontends.operators import screen_operators, screen_opset, screen_training
from dlpuconv.frontends.options import shape_flag
from dlpuconv.frontends.precision import to_float32
from dlpuconv.frontends.protos import all_nodes, walk_graphs
from dlpuconv.frontends.quantized import read_quantized, said_behind
from dlpuconv.frontends.resize import Resizing, runs
from dlpuconv.frontends.shapes import bind_inputs, screen_types
from dlpuconv.frontends.skeleton import check_nodes
from dlpuconv.frontends.slopes import align_slopes
from dlpuconv.frontends.structure import screen_nesting, screen_structure
from dlpuconv.frontends.utf8 import screen_text
from dlpuconv.frontends.weights import screen_packed, screen_tensors
from dlpuconv.ir import Model
from dlpuconv.ir.weights import split_proto

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx
    import onnx_ir

    from dlpuconv.frontends.onnx_file import Acquired
    from dlpuconv.frontends.options import SourceOptions
    from dlpuconv.ir.given_scales import GivenScales

_PRIVATE_METADATA = "pkg.torch.onnx.stack_trace"
"""Paths and lines of the exporting program, which differ from machine to machine."""


def finish(acquired: Acquired, options: SourceOptions, *, is_part: bool = False) -> Model:
    """Check, cut and type a model that was read.

    Args:
        acquired: the model.
        options: shapes of inputs; where it ends.
        is_part: it is a part of a network that was read before: its inputs are what other parts give.

    Raises:
        DlpuconvError: see `load`.
    """
    proto = straightened(acquired.proto)
    graph = proto.graph
    asked, scales = ended_and_read(proto, options)
    screen_types(graph)
    compute_constant_loops(proto)
    unroll_counted_loops(proto)
    screen_operators(proto)
    to_float32(proto)
    make_masks_finite(proto)
    resizing = Resizing.of(proto, asked)
    bind_inputs(graph, asked)
    screen_attributes(proto)
    check_nodes(proto)
    screen_constants(graph)
    resizing = resizing.with_original(proto)
    inferred = settle(proto, partial(_inferred, proto, resizing, asked))
    screen_branches(proto)
    screen_training(proto.graph, inferred.booleans)
    check_values(proto, inferred)
    align_slopes(graph, inferred)
    if not resizing:
        screen_operands(graph, inferred)
    resizing.prove(proto, inferred)
    declare(graph, inferred)
    if not is_part:
        batch_pictures(proto)
    screen_types(graph)
    name_nodes(graph)
    forget(proto)
    return Model(
        graph=_graph(proto),
        source=acquired.source,
        scales=scales or acquired.scales,
        original=acquired.original,
    )


def ended_and_read(proto: onnx.ModelProto, options: SourceOptions) -> tuple[Mapping[str, tuple[int, ...]], GivenScales]:
    """End a model where the user wants it to end, and make it one of real numbers, in place.

    Returns:
        The shapes that are asked for, and the scales that a quantized model states.
    """
    ends = said_behind(proto, options.cut_at)
    asked = ended(proto.graph, options)
    scales = read_quantized(proto, ends)
    screen_packed(proto)
    return asked, scales


def ended(graph: onnx.GraphProto, options: SourceOptions) -> Mapping[str, tuple[int, ...]]:
    """End a graph where the user wants it to end, in place, and tell the shapes that are asked for.

    A shape for an input that the cut has removed is no mistake.
    """
    inputs = {value.name for value in graph.input}
    cut(graph, options.cut_at)
    gone = inputs - {value.name for value in graph.input}
    return {name: shape for name, shape in options.input_shapes.items() if name not in gone}


def straightened(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model as one flat graph in running order, with every constant an initializer."""
    screen_nesting(proto)
    del proto.training_info[:]
    screen_text(proto)
    screen_references(proto.graph)
    screen_tensors(proto)
    screen_sparse(proto)
    use_default_domain(proto)
    screen_opset(proto)
    _put_in_order(proto)
    if proto.functions:
        proto = inline_functions(proto)
        _put_in_order(proto)
    write_defaults_out(proto)
    return proto


def _put_in_order(proto: onnx.ModelProto) -> None:
    """The main graph with its constants as initializers and its nodes in running order, in place."""
    lift_constants(proto.graph)
    drop_constant_inputs(proto)
    screen_structure(proto.graph)


def settle(proto: onnx.ModelProto, infer_it: Callable[[], Inferred]) -> Inferred:
    """Infer shapes, taking the branches of every If whose condition turns out to be constant; in place."""
    while inline_branches(proto.graph, (inferred := infer_it()).booleans):
        lift_constants(proto.graph)
        screen_structure(proto.graph)
        remove_dead(proto.graph)
    drop_empty_operands(proto.graph, inferred)
    return inferred


def _inferred(proto: onnx.ModelProto, resizing: Resizing, asked: Mapping[str, tuple[int, ...]]) -> Inferred:
    branches = any(node.op_type == "If" for node in proto.graph.node)
    try:
        return infer(proto, strict=not branches)
    except ModelError as error:
        if resizing:
            raise ShapeError(resizing.refusal(proto, str(error)), id="shape-resize-impossible") from error
        if isinstance(error, ShapeError):
            raise
        # Inference is stricter than the operators' definitions in places; what ONNX Runtime accepts is good. It is
        # only asked when the size of every value is known, so that it cannot take all memory.
        inferred = infer(proto, strict=False)
        if inferred.is_complete(proto.graph) and runs(proto):
            return inferred
        if not asked:
            raise
        flags = " ".join(shape_flag(name, shape) for name, shape in asked.items())
        raise ShapeError(f"{flags}: {error}", id="shape-misfit") from error


def declare(graph: onnx.GraphProto, inferred: Inferred) -> None:
    """Write what was inferred into the graph, in place; for an output of unknown rank, what the model says stays."""
    outputs = {value.name for value in graph.output}
    del graph.value_info[:]
    made = [name for node in graph.node for name in node.output if name and name not in outputs]
    graph.value_info.extend(inferred.types[name] for name in made if name in inferred.types)
    for value in graph.output:
        found = inferred.types.get(value.name)
        if found is not None and found.type.tensor_type.HasField("shape"):
            value.CopyFrom(found)


def forget(proto: onnx.ModelProto) -> None:
    """Remove what says how the model was exported and not what it computes, in place."""
    proto.doc_string = ""
    for graph in walk_graphs(proto.graph):
        graph.ClearField("doc_string")
        for value in (*graph.input, *graph.output, *graph.value_info):
            value.ClearField("doc_string")
        for tensor in graph.initializer:
            tensor.ClearField("doc_string")
    for node in all_nodes(proto):
        node.ClearField("doc_string")
        for index in range(len(node.metadata_props) - 1, -1, -1):
            if node.metadata_props[index].key == _PRIVATE_METADATA:
                del node.metadata_props[index]


def _graph(proto: onnx.ModelProto) -> onnx_ir.Model:
    try:
        return split_proto(proto).to_graph()
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ModelError(f"the model cannot be read: {error}", id="model-invalid") from error

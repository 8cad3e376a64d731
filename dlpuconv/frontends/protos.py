"""Walks over a model as protobuf: graphs with their subgraphs, nodes and tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.ir.nodes import label, subgraphs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import onnx
    import onnx_ir


def walk_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """These nodes and all in their subgraphs, outer ones first."""
    for node in nodes:
        yield node
        for graph in subgraphs(node):
            yield from walk_nodes(graph.node)


def walk_graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """This graph and all within it."""
    yield graph
    for node in graph.node:
        for inner in subgraphs(node):
            yield from walk_graphs(inner)


def all_nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Every node, those of functions and subgraphs included."""
    yield from walk_nodes(model.graph.node)
    for function in model.functions:
        yield from walk_nodes(function.node)


def all_tensors(model: onnx.ModelProto) -> Iterator[tuple[str, onnx.TensorProto]]:
    """Every tensor with a name for people: initializers and attributes, wherever they are."""
    for graph in walk_graphs(model.graph):
        for tensor in graph.initializer:
            yield tensor.name, tensor
        for sparse in graph.sparse_initializer:
            yield from _parts(sparse.values.name, sparse)
    for node in all_nodes(model):
        for attribute in node.attribute:
            label = tensor_label(node, attribute)
            if attribute.HasField("t"):
                yield label, attribute.t
            for tensor in attribute.tensors:
                yield label, tensor
            if attribute.HasField("sparse_tensor"):
                yield from _parts(label, attribute.sparse_tensor)
            for sparse in attribute.sparse_tensors:
                yield from _parts(label, sparse)


def tensor_label(node: onnx.NodeProto, attribute: onnx.AttributeProto) -> str:
    """What to call a tensor that is an attribute: the output that it fills, else node and attribute."""
    if node.op_type in ("Constant", "ConstantOfShape") and node.output:
        return str(node.output[0])
    return f"{label(node)}, attribute {attribute.name!r}"


def _parts(label: str, sparse: onnx.SparseTensorProto) -> Iterator[tuple[str, onnx.TensorProto]]:
    yield label, sparse.values
    yield label, sparse.indices


def as_ir(node: onnx.NodeProto) -> onnx_ir.Node:
    """A node by itself, whose values are known by their names only."""
    import onnx_ir

    return onnx_ir.Node(
        "",
        node.op_type,
        [onnx_ir.Value(name=name) if name else None for name in node.input],
        [onnx_ir.serde.deserialize_attribute(attribute) for attribute in node.attribute],
        outputs=[onnx_ir.Value(name=name) for name in node.output],
        name=node.name,
    )

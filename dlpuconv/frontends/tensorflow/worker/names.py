"""Nodes and values get the names of the layers that they come from, in place of the scopes of TensorFlow's graph.

`functional_1/bn_Conv1_1/batchnorm/mul_1` is `bn_Conv1`, as the user knows it from Keras.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dlpuconv.frontends.protos import walk_graphs
from dlpuconv.ir.module_path import SCOPES
from dlpuconv.ir.operators import ONNX_WEIGHTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import onnx

_CALL = re.compile(r"(Stateful|Stateless)?PartitionedCall(_\d+)?")
_REPEATED = re.compile(r"(?<=.)_\d+$")
_ADDED = re.compile(r"(__\d+)+$")
_INSIDE = re.compile(r"(batchnorm|moments|Cast|convolution|BiasAdd|MatMul|Tensordot|einsum|while|resize)(_\d+)?")
"""Scopes within a layer."""

type _Path = tuple[str, ...]


def name_like_layers(proto: onnx.ModelProto, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Rename what a graph holds, in place.

    Args:
        proto: of tf2onnx, each output made by a node of its own.
        inputs: names for its inputs, in order.
        outputs: for its outputs, likewise.
    """
    graph = proto.graph
    scopes = _Scopes(node.name for node in graph.node)
    constants = {tensor.name for tensor in graph.initializer}
    layers = [_layers(node, constants, scopes) for node in graph.node]
    for node, title, found in zip(graph.node, _titles(graph.node, layers), layers, strict=True):
        node.name = title
        if len(found) > 1:  # a batch norm that was folded into a layer, and the layer
            node.metadata_props.add(key=SCOPES, value=repr([found[1], title]))
    renamed = dict(zip((value.name for value in graph.input), inputs, strict=True))
    taken = set(inputs)
    for value, name in zip(graph.output, outputs, strict=True):
        renamed[value.name] = _free(name, taken)
    for name, better in _inner_names(graph, constants):
        if name not in renamed:
            renamed[name] = _free(better, taken)
    for part in walk_graphs(graph):
        _rename(part, renamed)


class _Scopes:
    """What the scopes of one graph have in common."""

    def __init__(self, names: Iterable[str]) -> None:
        paths = [path for name in names if len(path := _path(name)) > 1]
        self._outer = 1 if len({path[0] for path in paths}) == 1 and any(len(path) > 2 for path in paths) else 0
        inner = [path[self._outer] for path in paths if len(path) > self._outer + 1]
        # Keras 3 enters each layer's scope twice, and TensorFlow then counts them.
        self._counted = bool(inner) and all(map(_REPEATED.search, inner))

    def layer(self, name: str) -> str:
        """The layer that a node or constant of this name is of; empty for none."""
        path = _path(name)[self._outer : -1]
        while path and _INSIDE.fullmatch(path[-1]):
            path = path[:-1]
        return "/".join(_REPEATED.sub("", part) if self._counted else part for part in path)


def _path(name: str) -> _Path:
    return tuple(part for part in name.partition(":")[0].split("/") if part and not _CALL.fullmatch(part))


def _layers(node: onnx.NodeProto, constants: set[str], scopes: _Scopes) -> tuple[str, ...]:
    """The layer that a node is called by, and where that is another one the layer that has its weights."""
    own = scopes.layer(node.name)
    weights = [name for name in node.input if name in constants] if node.op_type in ONNX_WEIGHTED else []
    owner = scopes.layer(weights[0]) if weights else ""
    return (own, owner) if own and owner and owner != own else (own or owner,)


def _titles(nodes: Sequence[onnx.NodeProto], layers: Sequence[tuple[str, ...]]) -> list[str]:
    """A name for each node: that of its layer for the node with weights, or else the last one of the layer."""
    chief: dict[str, int] = {}
    for number, (layer, *_) in enumerate(layers):
        if layer not in chief or nodes[chief[layer]].op_type not in ONNX_WEIGHTED:
            chief[layer] = number
    chief.pop("", None)
    taken = set(chief)
    return [
        layer if chief.get(layer) == number else _free(f"{layer}/{node.op_type}".lstrip("/"), taken)
        for number, (node, (layer, *_)) in enumerate(zip(nodes, layers, strict=True))
    ]


def _inner_names(graph: onnx.GraphProto, constants: set[str]) -> Iterator[tuple[str, str]]:
    """Each value and constant, with a name after the node that makes it, or the first one that reads it."""
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name in constants:
                weights = node.op_type in ONNX_WEIGHTED
                yield name, f"{node.name}/{({1: 'weights', 2: 'bias'} if weights else {}).get(position, 'constant')}"
        for position, name in enumerate(node.output):
            if name:
                yield name, f"{node.name}:{position}" if position else node.name


def _rename(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = names.get(value.name, value.name)


def _free(name: str, taken: set[str]) -> str:
    """This name, or the first with a number behind it that nothing has yet; it is taken then."""
    number, found = 2, name
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    taken.add(found)
    return found

"""A float ONNX graph as the quantizer's network, run in ONNX Runtime."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, override

import numpy as np
import onnx

from dlpuconv.plugin import UINT8, ArtifactError, BackendError, Coding
from dlpuconv.plugin.onnx import ORIGIN, OrtRunner
from dlpuconv.plugin.quantization import CannotError, Constants, Network, Node, Value
from dlpuconv_backends.onnx_qdq.axes import back, channel_axes, last, last_shape
from dlpuconv_backends.onnx_qdq.detours import detoured
from dlpuconv_backends.onnx_qdq.gates import MAP_RANK, SIXTH, gates_of, separated
from dlpuconv_backends.onnx_qdq.groups import FusedGroup, group
from dlpuconv_backends.onnx_qdq.layers import as_stored, layer_of
from dlpuconv_backends.onnx_qdq.meanings import meaning_of
from dlpuconv_backends.onnx_qdq.parallel import in_parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.plugin.quantization import Feed
    from dlpuconv_backends.onnx_qdq.graph import OnnxGraph

    type Array = npt.NDArray[Any]


DEFAULT = Coding(type=UINT8)
"""What ONNX Runtime is fastest with."""
_WITH_SETTINGS = frozenset({"Clip", "Resize"})
"""Operators whose constants are floats, but no data."""


@dataclass(frozen=True, slots=True)
class ReadPlace:
    """Where a value is in the graph.

    Attributes:
        name: there.
        axis: its channel axis there.
    """

    name: str
    axis: int


class OnnxNetwork(Network):
    """A legal float graph; it is not changed.

    Attributes:
        graph: as it was given.
        coding: of the activations that it is going to have.
    """

    def __init__(self, graph: OnnxGraph, coding: Coding = DEFAULT, like: OnnxNetwork | None = None) -> None:
        """Describe a graph.

        Args:
            graph: names are unique.
            coding: of the activations that it is going to have.
            like: a network of nearly the same graph; what both have stays the same object.
        """
        self.graph, self.coding = graph, coding
        self._axes = channel_axes(graph)
        self._values = {} if like is None else {v.name: v for v in like.values() if not v.is_constant}
        nodes = {} if like is None else {_signature(n.handle, like.graph): n for n in like.nodes}
        self.nodes = tuple(
            nodes.get(_signature(found, graph)) or self._node(found) for found in group(graph, self._axes)
        )
        self.inputs = tuple(self._value(name) for name in graph.inputs)
        self.outputs = tuple(self._value(name) for name in graph.outputs)

    def _node(self, found: FusedGroup) -> Node:
        names = reads_of(self.graph, found)
        inputs = tuple(None if not name else self._value(name, found, at) for at, name in enumerate(names))
        outputs = tuple(self._value(name) for name in found.outputs)
        return Node(
            kind=found.kind,
            inputs=inputs,
            outputs=outputs,
            meaning=meaning_of(self.graph, found, (inputs, outputs), self.coding),
            layer=layer_of(self.graph, found) if found.layer else None,
            source_name=_source(found.nodes[0]),
            handle=found,
        )

    def _value(self, name: str, found: FusedGroup | None = None, at: int = 0) -> Value:
        """An activation, which is there once, or what a group reads of a constant."""
        kind, values = self.graph.kinds[name], self.graph.constants.get(name)
        if values is None and name in self._values:
            return self._values[name]
        axis = self._axes.get(name, -1)
        if values is not None and found is not None:
            axis = self._constant_axis(found, at, values)
        value = Value(
            name=name,
            shape=last_shape(kind.shape, axis),
            dtype=kind.dtype,
            data=None if values is None else last(values, axis),
            source_names=(name,),
            handle=ReadPlace(name, axis),
        )
        if values is None:
            self._values[name] = value
        return value

    def _constant_axis(self, found: FusedGroup, at: int, values: Array) -> int:
        """The axis of a constant that meets the channel axis of what is made, counted from behind."""
        made = found.outputs[0]
        if found.layer and at in (1, 2):
            return 0  # told by the layer, in its own layout
        behind = self._axes.get(made, -1) % max(len(self.graph.kinds[made].shape), 1) - len(
            self.graph.kinds[made].shape
        )
        return behind if values.ndim >= -behind else -1

    @property
    @override
    def key(self) -> str:
        return self.graph.key

    @override
    def run(self, feeds: Iterable[Feed], taps: Sequence[Value], *, plain: bool = False) -> Iterator[Iterable[Array]]:
        infer = self.loaded(taps, plain=plain)
        for feed in feeds:
            yield infer(feed)

    @override
    def loaded(self, taps: Sequence[Value], *, plain: bool = False) -> Callable[[Feed], list[Array]]:
        made = [tap for tap in taps if tap not in self.inputs]
        part = replace(self.graph, outputs=tuple(place_of(tap).name for tap in made) or self.graph.outputs)
        return Session(part, self.inputs, taps)

    @override
    def run_one(
        self, node: Node, feeds: Iterable[Feed], *, activated: bool = True, plain: bool = True
    ) -> Iterator[Iterable[Array]]:
        infer = self.loaded_one(node, activated=activated, plain=plain)
        for feed in feeds:
            yield infer(feed)

    @override
    def loaded_one(self, node: Node, *, activated: bool = True, plain: bool = True) -> Callable[[Feed], list[Array]]:
        found = group_of(node)
        nodes = found.nodes[:-1] if found.clip is not None and not activated else found.nodes
        reads = node.activations
        outputs = [place_of(v).name for v in node.outputs] if nodes is found.nodes else [nodes[-1].output[0]]
        part = self.graph.part(nodes, [place_of(v).name for v in reads], outputs)
        renamed = [
            replace(v, handle=ReadPlace(name, place_of(v).axis)) for v, name in zip(node.outputs, outputs, strict=True)
        ]
        return Session(part, reads, renamed)

    @override
    def with_constants(self, changed: Mapping[Node, Constants]) -> OnnxNetwork:
        values: dict[str, Array] = {}
        for node, constants in changed.items():
            values |= _stored(node, constants)
        shaped = {name: _like(self.graph.constants[name], new) for name, new in values.items()}
        return OnnxNetwork(self.graph.with_constants(shaped), self.coding, self)

    @override
    def gates(self) -> dict[Value, Value]:
        makers = self.producers()
        seen = {v.name: v for v in makers}  # what lies within an island is not
        return {
            seen[y]: seen[gate.x]
            for y, gate in gates_of(self.graph).items()
            if y in seen
            and gate.x in seen
            and self._axes[gate.x] == 1
            and (not gate.divides or _divided(makers[seen[gate.x]]) is not None)
        }

    @override
    def with_gates(self, products: Sequence[Value]) -> tuple[OnnxNetwork, Mapping[str, float]]:
        known, found, makers = gates_of(self.graph), self.gates(), self.producers()
        if unknown := [v.name for v in products if v not in found]:
            raise CannotError(f"{unknown[0]!r} has no gate that could be separated")
        gates = {v.name: known[v.name] for v in products}
        folded = {makers[found[v]]: _divided(makers[found[v]]) for v in products if gates[v.name].divides}
        network = OnnxNetwork(separated(self.graph, gates), self.coding, self)
        divided = network.with_constants({node: constants for node, constants in folded.items() if constants})
        return divided, {found[v].name: SIXTH for v in products if gates[v.name].divides}

    @override
    def with_detours(self, readers: Mapping[Value, Sequence[int]]) -> OnnxNetwork:
        if wrong := [v.name for v in readers if self._axes.get(v.name) != 1 or len(v.shape) != MAP_RANK]:
            raise CannotError(f"{wrong[0]!r} is not a map of features, as depthwise layers read")
        consumers = self.consumers()
        found = {v.name: [group_of(consumers[v][place]) for place in places] for v, places in readers.items()}
        return OnnxNetwork(detoured(self.graph, found), self.coding, self)

    @override
    def with_errors(self, values: Sequence[Value]) -> tuple[OnnxNetwork, Mapping[str, str]]:
        names = [place_of(value).name for value in values]
        exact = {name: f"{name}/exact" for name in names}
        errors = {name: f"{name}/error" for name in names}
        nodes: list[onnx.NodeProto] = []
        for node in self.graph.nodes:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.output[:] = [exact.get(name, name) for name in node.output]
            nodes.append(copy)
            made = [name for name in node.output if name in exact]
            nodes += [onnx.helper.make_node("Add", [exact[n], errors[n]], [n], name=f"{n}/disturbed") for n in made]
        kinds = self.graph.kinds
        more = {new: kinds[old] for table in (exact, errors) for old, new in table.items()}
        inputs = (*self.graph.inputs, *errors.values())
        graph = replace(self.graph, nodes=tuple(nodes), inputs=inputs, kinds={**kinds, **more})
        return OnnxNetwork(graph, self.coding, self), errors

    @override
    def with_parallel_layers(self, chain: Sequence[Node], sizes: Sequence[int]) -> OnnxNetwork:
        made = in_parallel(self.graph, [group_of(node) for node in chain], self._axes, sizes)
        return OnnxNetwork(made, self.coding, self)


class Session:
    """A graph in ONNX Runtime, between values with their channels last."""

    def __init__(self, graph: OnnxGraph, inputs: Sequence[Value], taps: Sequence[Value]) -> None:
        self._inputs, self._taps = inputs, taps
        self._kept: dict[str, Array] = {}
        try:
            self._runner = OrtRunner(graph.split(), "the float graph")
        except ArtifactError as error:
            raise BackendError(f"ONNX Runtime cannot run the network: {error}", id="backend-run-failed") from error

    def __call__(self, feed: Feed) -> list[Array]:
        """The taps' values, the caller's to keep, of a feed, which may leave out what stays as it was."""
        self._kept.update({v.name: np.asarray(feed[v.name]) for v in self._inputs if v.name in feed})
        given = {place_of(v).name: back(self._kept[v.name], place_of(v).axis) for v in self._inputs}
        try:
            made = self._runner.run(given)
        except ArtifactError as error:
            raise BackendError(f"ONNX Runtime cannot run the network: {error}", id="backend-run-failed") from error
        return [
            self._kept[tap.name] if tap in self._inputs else last(made[place_of(tap).name], place_of(tap).axis)
            for tap in self._taps
        ]


def reads_of(graph: OnnxGraph, found: FusedGroup) -> tuple[str, ...]:
    """What a group reads, in the order of its network node's inputs.

    A layer: what flows in, weights, bias. An island: activations alone; its constants are nobody's business, nor are
    the bounds of a clip and the factors of a resize.
    """
    node = found.nodes[0]
    if found.layer:
        return (node.input[0], node.input[1], found.bias)
    if found.integer:
        settings = node.op_type in _WITH_SETTINGS
        return tuple("" if at and settings and name in graph.constants else name for at, name in enumerate(node.input))
    made = {name for member in found.nodes for name in member.output}
    read = dict.fromkeys(name for member in found.nodes for name in member.input if name and name not in made)
    return tuple(name for name in read if name not in graph.constants)


def _divided(node: Node) -> Constants | None:
    """Constants with which a layer makes a sixth of what it makes; None for what cannot."""
    layer = node.layer
    if layer is None or layer.weights is None or layer.activation.clip is not None:
        return None
    return Constants(weights=layer.weights * SIXTH, bias=None if layer.bias is None else layer.bias * SIXTH)


def _stored(node: Node, constants: Constants) -> dict[str, Array]:
    """New values of a node's constants by name, as the graph has them."""
    found, values = group_of(node), {}
    first = found.nodes[0]
    if constants.weights is not None:
        values[first.input[1]] = as_stored(first, constants.weights)
    if constants.bias is not None and found.bias:
        values[found.bias] = constants.bias
    for at, operand in (constants.operands or {}).items():
        place, made = place_of(node.input(at)), node.output
        if operand.size > math.prod(node.input(at).shape):  # one number becomes one for each channel
            behind = len(made.shape) - 1 - place_of(made).axis % len(made.shape)
            values[place.name] = operand.reshape(-1, *[1] * behind)
        else:
            values[place.name] = back(operand, place.axis)
    return values


def _like(old: Array, new: Array) -> Array:
    """New values in the shape of the old ones, unless one number has become several."""
    values = np.asarray(new, old.dtype, order="C")
    return values.reshape(old.shape) if values.size == old.size else values


def _signature(handle: object, graph: OnnxGraph) -> tuple[object, ...]:
    """What makes two groups the same: their nodes and the constants that these read, by identity."""
    assert isinstance(handle, FusedGroup)
    read = [name for node in handle.nodes for name in node.input]
    told = tuple(node.SerializeToString(deterministic=True) for node in handle.nodes)
    return told, tuple(id(graph.constants.get(name)) for name in read)


def _source(node: onnx.NodeProto) -> str:
    told = next((entry.value for entry in node.metadata_props if entry.key == ORIGIN), "")
    return told or node.name


def place_of(value: Value) -> ReadPlace:
    """Where a value of such a network is."""
    assert isinstance(value.handle, ReadPlace)
    return value.handle


def group_of(node: Node) -> FusedGroup:
    """What a node of such a network stands for."""
    assert isinstance(node.handle, FusedGroup)
    return node.handle

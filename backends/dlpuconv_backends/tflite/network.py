"""A TFLite graph as the quantizer's network."""

from __future__ import annotations

import hashlib
import weakref
from copy import copy
from typing import TYPE_CHECKING, Any, override

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.plugin.quantization import CannotError, Constants, Network, Node, Value
from dlpuconv.plugin.tflite import LiteRtWorker
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor, encoded
from dlpuconv_backends.flatbuffer.loaded import LoadedGraph
from dlpuconv_backends.tflite.detours import detoured
from dlpuconv_backends.tflite.edits import ended, folded_in, in_parallel, multiplied
from dlpuconv_backends.tflite.gates import SIXTH, gates_of, separated
from dlpuconv_backends.tflite.layers import channels_first, layer_of
from dlpuconv_backends.tflite.meanings import meaning_of
from dlpuconv_backends.tflite.naming import aliases_of
from dlpuconv_backends.tflite.split_outputs import split_outputs
from dlpuconv_backends.tflite.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.plugin.quantization import Array, Feed, OutputPiece


class Workers:
    """The process that runs graphs which live at the same time; there is none where none lives."""

    def __init__(self) -> None:
        self._worker: weakref.ref[LiteRtWorker] | None = None

    def worker(self) -> LiteRtWorker:
        """It; it goes back to the pool when neither a loaded graph nor anybody else holds it."""
        worker = self._worker() if self._worker is not None else None
        if worker is None:
            worker = LiteRtWorker()
            self._worker = weakref.ref(worker)
        return worker

    def load(self, graph: Graph, *, plain: bool) -> LoadedGraph:
        """A graph in LiteRT: with the plain kernels, or with the default delegate where that takes the graph.

        Raises:
            BackendError: LiteRT refuses it.
        """
        worker, versions = self.worker(), versions_of(graph)
        return LoadedGraph(graph, versions, worker=worker) if plain else LoadedGraph.fast(graph, versions, worker)


class TFLiteNetwork(Network):
    """A legal float graph, or an integer one; the graph is not changed.

    Attributes:
        graph: as it was given.
    """

    def __init__(
        self,
        graph: Graph,
        like: TFLiteNetwork | None = None,
    ) -> None:
        """Describe a graph.

        Args:
            graph: tensor names are unique.
            like: a network that runs at the same time as this one; what both have stays the same object.
        """
        self.graph = graph
        self._workers: Workers = like._workers if like is not None else Workers()
        known = {} if like is None else like._values
        self._values: dict[Tensor, Value] = {t: known.get(t) or _value(t) for t in graph.tensors()}
        self.inputs = tuple(self._values[t] for t in graph.inputs)
        self.outputs = tuple(self._values[t] for t in graph.outputs)
        self._readers = graph.consumers()
        nodes = {} if like is None else {node.handle: node for node in like.nodes}
        self.nodes = tuple(nodes.get(op) or self._node(op) for op in graph.operators)

    def _node(self, op: Operator) -> Node:
        inputs = tuple(None if t is None else self._values[t] for t in op.inputs)
        outputs = tuple(self._values[t] for t in op.outputs)
        return Node(
            kind=op.kind,
            inputs=inputs,
            outputs=outputs,
            meaning=meaning_of(op, inputs, outputs, self._readers.get(op.output, [])),
            layer=layer_of(op),
            source_name=op.source_name,
            aliases=aliases_of(op, self.graph),
            handle=op,
        )

    @property
    @override
    def key(self) -> str:
        return hashlib.sha256(encoded(self.graph)).hexdigest()

    @override
    def ready(self) -> LiteRtWorker:
        return self._workers.worker()

    @override
    def run(self, feeds: Iterable[Feed], taps: Sequence[Value], *, plain: bool = False) -> Iterator[Iterable[Array]]:
        network, given = self._probe(taps, plain=plain)
        for feed, outputs in network.each(feeds):
            yield (feed[tap.name] if tap in given else next(outputs) for tap in taps)

    @override
    def loaded(self, taps: Sequence[Value], *, plain: bool = False) -> Callable[[Feed], list[Array]]:
        network, given = self._probe(taps, plain=plain)
        kept: dict[str, Array] = {}

        def infer(feed: Feed) -> list[Array]:
            kept.update({tap.name: feed[tap.name] for tap in given if tap.name in feed})
            outputs = iter(network.run(feed))
            return [kept[tap.name] if tap in given else next(outputs) for tap in taps]

        return infer

    def _probe(self, taps: Sequence[Value], *, plain: bool) -> tuple[LoadedGraph, set[Value]]:
        """A copy of the graph whose outputs are the taps, and which of these are inputs.

        XNNPACK takes 7 ms a sample of MobileNetV2, against 38 ms of the plain kernels with all tensors preserved.
        """
        given = set(self.inputs).intersection(taps)
        outputs = [tensor_of(tap) for tap in taps if tap not in given]
        probe = Graph(self.graph.inputs, outputs or self.graph.outputs, self.graph.operators)
        return self._workers.load(probe, plain=plain), given

    @override
    def run_one(
        self, node: Node, feeds: Iterable[Feed], *, activated: bool = True, plain: bool = True
    ) -> Iterator[Iterable[Array]]:
        for _, outputs in self._single(node, activated=activated, plain=plain).each(feeds):
            yield outputs

    @override
    def run_part(
        self, nodes: Sequence[Node], feeds: Iterable[Feed], taps: Sequence[Value], *, plain: bool = True
    ) -> Iterator[Iterable[Array]]:
        made = {value for node in nodes for value in node.outputs}
        read = dict.fromkeys(tensor_of(v) for node in nodes for v in node.activations if v not in made)
        part = Graph(list(read), [tensor_of(tap) for tap in taps], [operator_of(node) for node in nodes])
        for _, outputs in self._workers.load(part, plain=plain).each(feeds):
            yield outputs

    @override
    def loaded_one(self, node: Node, *, activated: bool = True, plain: bool = True) -> Callable[[Feed], list[Array]]:
        return self._single(node, activated=activated, plain=plain).run

    def _single(self, node: Node, *, activated: bool, plain: bool) -> LoadedGraph:
        op = operator_of(node)
        reads = [tensor_of(value) for value in node.activations]
        if not activated:
            op = _without_activation(op)
        return self._workers.load(Graph(reads, op.outputs, [op]), plain=plain)

    @override
    def with_constants(self, changed: Mapping[Node, Constants]) -> TFLiteNetwork:
        made = {node: _changed(node, constants) for node, constants in changed.items()}
        network = copy(self)  # a network of many layers may be changed layer by layer
        network.graph = _like(self.graph, [made.get(node) or operator_of(node) for node in self.nodes])
        network._values = {t: self._values.get(t) or _value(t) for t in network.graph.tensors()}
        network.nodes = tuple(network._node(made[node]) if node in made else node for node in self.nodes)
        return network

    @override
    def with_errors(self, values: Sequence[Value]) -> tuple[TFLiteNetwork, Mapping[str, str]]:
        tensors = [tensor_of(value) for value in values]
        errors = {t: Tensor(f"{t.name}/error", t.shape, t.dtype) for t in tensors}
        exact = {t: Tensor(f"{t.name}/exact", t.shape, t.dtype) for t in tensors}
        operators = []
        for op in self.graph.operators:
            outputs = [exact.get(t, t) for t in op.outputs]
            operators.append(Operator(op.kind, list(op.inputs), outputs, op.options, op.source_name))
            operators += [
                Operator("ADD", [exact[t], errors[t]], [t], schema.AddOptionsT()) for t in op.outputs if t in errors
            ]
        graph = Graph([*self.graph.inputs, *errors.values()], list(self.graph.outputs), operators)
        return TFLiteNetwork(graph, self), {t.name: error.name for t, error in errors.items()}

    @override
    def ending_at(self, values: Sequence[Value]) -> TFLiteNetwork:
        return TFLiteNetwork(ended(self.graph, [tensor_of(value) for value in values]), self)

    @override
    def with_channel_scale(self, value: Value, factors: npt.NDArray[np.floating[Any]]) -> TFLiteNetwork:
        node = self.producers().get(value)
        folded = None if node is None else folded_in(node, factors)
        if node is not None and folded is not None:
            return self.with_constants({node: folded})
        return TFLiteNetwork(_like(self.graph, multiplied(self.graph, tensor_of(value), factors)), self)

    @override
    def gates(self) -> dict[Value, Value]:
        makers = self.producers()
        return {
            self._values[y]: self._values[gate.x]
            for y, gate in gates_of(self.graph).items()
            if not gate.divides or folded_in(makers[self._values[gate.x]], np.ones(gate.x.shape[-1])) is not None
        }

    @override
    def with_gates(self, products: Sequence[Value]) -> tuple[TFLiteNetwork, Mapping[str, float]]:
        known, found, makers = gates_of(self.graph), self.gates(), self.producers()
        if unknown := [v.name for v in products if v not in found]:
            raise CannotError(f"{unknown[0]!r} has no gate that could be separated")
        gates = {tensor_of(v): known[tensor_of(v)] for v in products}
        divided = {gate.x: makers[self._values[gate.x]] for gate in gates.values() if gate.divides}
        folded = {node: folded_in(node, np.full(x.shape[-1], SIXTH)) for x, node in divided.items()}
        graph = _like(self.graph, separated(self.graph, gates))
        network = TFLiteNetwork(graph, self).with_constants({n: c for n, c in folded.items() if c is not None})
        return network, {x.name: SIXTH for x in divided}

    @override
    def with_detours(self, readers: Mapping[Value, Sequence[int]]) -> TFLiteNetwork:
        found = {tensor_of(value): tuple(places) for value, places in readers.items()}
        return TFLiteNetwork(_like(self.graph, detoured(self.graph, found)), self)

    @override
    def with_parallel_layers(self, chain: Sequence[Node], sizes: Sequence[int]) -> TFLiteNetwork:
        first, others = operator_of(chain[0]), {operator_of(node) for node in chain[1:]}
        made = in_parallel([operator_of(node) for node in chain], sizes)
        each = [made if op is first else [op] for op in self.graph.operators if op not in others]
        return TFLiteNetwork(_like(self.graph, [op for operators in each for op in operators]), self)

    @override
    def with_output_parts(self, pieces: Sequence[OutputPiece]) -> TFLiteNetwork:
        return TFLiteNetwork(split_outputs(self.graph, [node.meaning for node in self.nodes], pieces))


def _value(tensor: Tensor) -> Value:
    return Value(
        name=tensor.name,
        shape=tensor.shape,
        dtype=np.dtype(tensor.dtype),
        data=tensor.data,
        affine=tensor.quantization,
        source_names=tensor.source_names,
        handle=tensor,
    )


def tensor_of(value: Value) -> Tensor:
    """What a network's value is in its graph."""
    assert isinstance(value.handle, Tensor)
    return value.handle


def operator_of(node: Node) -> Operator:
    """What a network's node is in its graph."""
    assert isinstance(node.handle, Operator)
    return node.handle


def _like(graph: Graph, operators: list[Operator]) -> Graph:
    return Graph(list(graph.inputs), list(graph.outputs), operators, graph.description, dict(graph.metadata))


def _changed(node: Node, constants: Constants) -> Operator:
    op, layer = operator_of(node), node.layer
    inputs = list(op.inputs)
    for index, values in (constants.operands or {}).items():
        inputs[index] = _constant(op.input(index), values)
    if layer is not None and constants.weights is not None:
        inputs[layer.weights_at] = _constant(op.input(layer.weights_at), channels_first(op, constants.weights))
    if layer is not None and constants.bias is not None:
        bias = op.input(layer.bias_at)
        inputs[layer.bias_at] = _constant(bias, constants.bias.reshape(bias.shape))
    return Operator(op.kind, inputs, list(op.outputs), op.options, op.source_name)


def _constant(old: Tensor, values: Array) -> Tensor:
    data = np.asarray(values, old.dtype, order="C")
    return Tensor(old.name, tuple(data.shape), old.dtype, data, old.quantization, old.source_names)


def _without_activation(op: Operator) -> Operator:
    options: Any = copy(op.options)
    options.fusedActivationFunction = 0
    outputs = [Tensor(t.name, t.shape, t.dtype) for t in op.outputs]
    return Operator(op.kind, list(op.inputs), outputs, options, op.source_name)

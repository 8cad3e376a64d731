"""A network in numpy: float, or integer by computing with what the codes stand for and rounding what comes out."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, override

import numpy as np

from dlpuconv.network import (
    CannotError,
    Constants,
    Meaning,
    Network,
    Node,
    Order,
    OutputPiece,
    Scales,
    Tie,
    Value,
    part_name,
)
from tests.network.numpy_kinds import LayerCompute, added, multiplied

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.network import Feed

    type Array = npt.NDArray[Any]


class NumpyNetwork(Network):
    """Nodes whose handle computes their outputs."""

    def __init__(self, inputs: Sequence[Value], outputs: Sequence[Value], nodes: Sequence[Node]) -> None:
        self.inputs, self.outputs, self.nodes = tuple(inputs), tuple(outputs), tuple(nodes)

    @property
    @override
    def key(self) -> str:
        digest = hashlib.sha256()
        for node in self.nodes:
            digest.update(f"{node.kind}{[v and v.name for v in (*node.inputs, *node.outputs)]}".encode())
            for value in node.inputs:
                digest.update(b"" if value is None or value.data is None else np.ascontiguousarray(value.data))
        return digest.hexdigest()

    @override
    def run(self, feeds: Iterable[Feed], taps: Sequence[Value], *, plain: bool = False) -> Iterator[list[Array]]:
        for feed in feeds:
            values = {value: np.asarray(feed[value.name], value.dtype) for value in self.inputs}
            for node in self.nodes:
                read = [values.get(v) if v is not None else None for v in node.inputs]
                values.update(zip(node.outputs, _computed(node, read, activated=True), strict=True))
            yield [values[tap] for tap in taps]

    @override
    def run_one(
        self, node: Node, feeds: Iterable[Feed], *, activated: bool = True, plain: bool = True
    ) -> Iterator[list[Array]]:
        assert node in self.nodes
        for feed in feeds:
            yield _computed(node, [None if v is None else feed.get(v.name) for v in node.inputs], activated=activated)

    @override
    def with_constants(self, changed: Mapping[Node, Constants]) -> NumpyNetwork:
        nodes = [_with_constants(node, changed[node]) if node in changed else node for node in self.nodes]
        return NumpyNetwork(self.inputs, self.outputs, nodes)

    @override
    def with_errors(self, values: Sequence[Value]) -> tuple[NumpyNetwork, Mapping[str, str]]:
        errors = {value: replace(value, name=f"{value.name}/error") for value in values}
        exact = {value: replace(value, name=f"{value.name}/exact") for value in values}
        nodes: list[Node] = []
        for node in self.nodes:
            nodes.append(replace(node, outputs=tuple(exact.get(v, v) for v in node.outputs)))
            nodes += [_sum(exact[v], errors[v], v) for v in node.outputs if v in exact]
        network = NumpyNetwork([*self.inputs, *errors.values()], self.outputs, nodes)
        return network, {value.name: error.name for value, error in errors.items()}

    @override
    def ending_at(self, values: Sequence[Value]) -> NumpyNetwork:
        needed: set[Value] = set(values)
        nodes = []
        for node in reversed(self.nodes):
            if not needed.isdisjoint(node.outputs):
                needed.update(v for v in node.inputs if v is not None)
                nodes.append(node)
        return NumpyNetwork(self.inputs, values, nodes[::-1])

    @override
    def with_channel_scale(self, value: Value, factors: npt.NDArray[np.floating[Any]]) -> NumpyNetwork:
        if value in self.inputs or value not in self.producers():
            raise CannotError("only what a node makes can be scaled here")
        before = replace(value, name=f"{value.name}/unscaled")
        nodes: list[Node] = []
        for node in self.nodes:
            nodes.append(replace(node, outputs=tuple(before if v is value else v for v in node.outputs)))
            if value in node.outputs:
                data = np.asarray(factors, np.float32)
                scale = Value(name=f"{value.name}/factors", shape=data.shape, dtype=data.dtype, data=data)
                product = Meaning(scales=Scales.FREE, order=Order.WITH_CONSTANT, ties=_one_to_one(before, value))
                made = Node(kind="mul", inputs=(before, scale), outputs=(value,), meaning=product, handle=multiplied)
                nodes.append(made)
        return NumpyNetwork(self.inputs, self.outputs, nodes)

    @override
    def with_parallel_layers(self, chain: Sequence[Node], sizes: Sequence[int]) -> NumpyNetwork:
        ends = np.cumsum([0, *sizes]).tolist()
        channels = [np.arange(*span) for span in pairwise(ends)]
        made: list[Node] = []
        for number, those in enumerate(channels):
            replaced: dict[Value, Value] = {}
            for node in chain:
                part = _part(node, those, (number, len(sizes)), replaced)
                replaced[node.output] = part.output
                made.append(part)
        parts = tuple(part.output for part in made[len(chain) - 1 :: len(chain)])
        whole = chain[-1].output
        ties = tuple(Tie(v, np.arange(c.size), whole, c) for v, c in zip(parts, channels, strict=True))
        meaning = Meaning(scales=Scales.SAME, moves=True, reorders=True, ties=ties)
        handle = lambda inputs, _: [np.concatenate(inputs, axis=-1)]  # noqa: E731 - as all handles here
        joined = Node(kind="concat", inputs=parts, outputs=(whole,), meaning=meaning, handle=handle)
        each = [[*made, joined] if node is chain[0] else [] if node in chain else [node] for node in self.nodes]
        return NumpyNetwork(self.inputs, self.outputs, [node for nodes in each for node in nodes])

    @override
    def with_output_parts(self, pieces: Sequence[OutputPiece]) -> NumpyNetwork:
        nodes, outputs = list(self.nodes), []
        for number, piece in enumerate(pieces):
            whole = self.outputs[piece.output]
            if piece.axis is not None:
                nodes.append(_sliced(whole, piece, f"{whole.name}_part{number}"))
            outputs.append(whole if piece.axis is None else nodes[-1].output)
        return NumpyNetwork(self.inputs, outputs, nodes)


def _sliced(whole: Value, piece: OutputPiece, name: str) -> Node:
    assert piece.axis is not None
    index = (*(slice(None) for _ in range(piece.axis)), slice(piece.start, piece.stop))
    shape = (*whole.shape[: piece.axis], piece.stop - piece.start, *whole.shape[piece.axis + 1 :])
    made = replace(whole, name=name, shape=shape)
    meaning = Meaning(scales=Scales.FREE)
    return Node(kind="part", inputs=(whole,), outputs=(made,), meaning=meaning, handle=lambda v, _: [v[0][index]])


def _computed(node: Node, read: Sequence[Array | None], *, activated: bool) -> list[Array]:
    """A node's outputs, in their types, from those of its inputs that are activations."""
    assert callable(node.handle)
    there = [(v, v.data if v.data is not None else given) for v, given in zip(node.inputs, read, strict=True) if v]
    reals = [values if v.affine is None else v.affine.decode(values) for v, values in there if values is not None]
    made = node.handle(reals, activated)
    return [_as_codes(values, value) for value, values in zip(node.outputs, made, strict=True)]


def _as_codes(values: Array, value: Value) -> Array:
    if value.affine is None:
        return np.asarray(values, value.dtype)
    limits = np.iinfo(value.dtype)
    codes = np.rint(values / value.affine.scale) + value.affine.zero_point
    return np.asarray(np.clip(codes, limits.min, limits.max), value.dtype)


def _with_constants(node: Node, new: Constants) -> Node:
    data: dict[int, Array] = dict(new.operands or {})
    layer = node.layer
    if layer is not None:
        if new.weights is not None:
            data[layer.weights_at] = new.weights
        if new.bias is not None:
            data[layer.bias_at] = new.bias
    inputs = list(node.inputs)
    for index, values in data.items():
        old = node.input(index)
        inputs[index] = replace(old, data=np.ascontiguousarray(values, old.dtype))
    if layer is not None:
        weights, bias = (inputs[at] if at < len(inputs) else None for at in (layer.weights_at, layer.bias_at))
        layer = replace(
            layer,
            weights=None if weights is None else weights.data,
            bias=None if bias is None else bias.data,
        )
    return replace(node, inputs=tuple(inputs), layer=layer)


def _sum(one: Value, other: Value, made: Value) -> Node:
    meaning = Meaning(scales=Scales.FREE, signs=(1, 1), order=Order.WITH_CONSTANT)
    return Node(kind="add", inputs=(one, other), outputs=(made,), meaning=meaning, handle=added)


def _one_to_one(one: Value, other: Value) -> tuple[Tie, ...]:
    channels = np.arange(other.shape[-1])
    return (Tie(one, channels, other, channels),)


def _part(node: Node, channels: npt.NDArray[np.intp], number: tuple[int, int], replaced: Mapping[Value, Value]) -> Node:
    """A node that makes some of the channels of another one."""
    shape = (*node.output.shape[:-1], channels.size)
    made = replace(node.output, name=part_name(node.output.name, *number), shape=shape)
    inputs = [v and replaced.get(v, _of_channels(node, v, channels)) for v in node.inputs]
    layer, handle = node.layer, node.handle
    if layer is not None:
        assert isinstance(handle, LayerCompute)
        assert layer.weights is not None
        bias = None if layer.bias is None else layer.bias[channels]
        groups = layer.groups if layer.groups == 1 else channels.size
        layer = replace(layer, weights=layer.weights[channels], bias=bias, groups=groups)
        handle = LayerCompute(layer, shape, handle.function)
    ties = node.meaning.ties and tuple(
        Tie(v, np.arange(channels.size), made, np.arange(channels.size)) for v in inputs if v and v.data is None
    )
    meaning = replace(node.meaning, ties=ties)
    return replace(node, inputs=tuple(inputs), outputs=(made,), meaning=meaning, layer=layer, handle=handle)


def _of_channels(node: Node, value: Value, channels: npt.NDArray[np.intp]) -> Value:
    """What a constant holds for some of the output channels."""
    if value.data is None:
        return value
    data = value.data
    if node.layer is not None:
        data = data[channels]
    elif data.shape[-1:] == node.output.shape[-1:]:
        data = data[..., channels]
    return replace(value, data=data, shape=data.shape)

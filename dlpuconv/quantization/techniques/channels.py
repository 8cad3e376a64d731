"""Which channels of which activations must share one scaling factor, or one place, and which must keep theirs.

Every channel of every activation is a variable. Nodes that commute with positive factors tie the variables of what they
read to those of what they make (`Meaning.ties`). A product of two activations does so with one of them while the other
one, its gate, is fixed at 1. All other nodes, and the ends of the network, fix theirs at 1. An order of channels is
passed on by more nodes: by curves, products of activations and depthwise layers too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.network import Tie

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.network import Network, Node, Value

    type Ids = npt.NDArray[np.intp]
    type _Bound = tuple[tuple[Tie, ...], Sequence[Value]]
    """Channels that have one variable, and values whose channels keep theirs."""


@dataclass(frozen=True, slots=True)
class ChannelMap:
    """The variables of a network.

    Attributes:
        of: [C] variable of each channel, by activation.
        fixed: [V] True where the factor must be 1, or the place the one that it is.
        ends: [V] True where an input or output of the network is concerned.
        clips: activations that something cuts off, with the bound.
    """

    of: Mapping[Value, Ids]
    fixed: npt.NDArray[np.bool_]
    ends: npt.NDArray[np.bool_]
    clips: Mapping[Value, float]


def map_channels(network: Network) -> ChannelMap:
    """Find the variables of a float network's factors."""
    makers = network.producers()
    return _mapped(network, lambda node: _scaled_together(node, makers))


def holding_readers(network: Network) -> Mapping[Value, list[Node]]:
    """By activation: who reads it and keeps its channels from being scaled."""
    makers = network.producers()
    found: dict[Value, list[Node]] = {}
    for node in network.nodes:
        held = _scaled_together(node, makers)[1]
        for value in dict.fromkeys(node.activations):
            if value in held:
                found.setdefault(value, []).append(node)
    return found


def map_places(network: Network) -> ChannelMap:
    """Find the variables of a float network's orders of channels."""
    return _mapped(network, lambda node: _bound(node, _moved_together(node)))


def map_passed(network: Network) -> ChannelMap:
    """Find the variables of what a float network passes on from channel to channel without weighing it."""
    return _mapped(network, lambda node: _bound(node, _moved_together(node) if node.layer is None else ()))


def is_depthwise(node: Node) -> bool:
    """Whether a layer makes each channel of the one at its place, by known weights."""
    layer = node.layer
    if layer is None or layer.weights is None or layer.geometry is None:
        return False
    return layer.groups == layer.rows == node.input(layer.data).channels


def _scaled_together(node: Node, makers: Mapping[Value, Node]) -> _Bound:
    gate = gate_of(node, makers)
    if gate is None:
        return _bound(node, node.meaning.ties)
    return tuple(tie for v in node.data_activations if v is not gate for tie in _alike(v, node.output)), (gate,)


def _bound(node: Node, ties: tuple[Tie, ...] | None) -> _Bound:
    return (ties, ()) if ties is not None else ((), (*node.activations, *node.outputs))


def _moved_together(node: Node) -> tuple[Tie, ...] | None:
    """Channels that change places together; None where those of all that a node touches stay."""
    layer = node.layer
    if layer is not None and is_depthwise(node):
        return _alike(node.input(layer.data), node.output)
    if layer is not None:
        return () if layer.groups == 1 and layer.weights is not None else None
    if node.meaning.knows_channels:
        return None
    if node.meaning.ties is not None or not node.meaning.keeps_channels:
        return node.meaning.ties
    wide = [value for value in node.data_activations if value.channels > 1]
    return tuple(tie for value in wide for tie in _alike(value, node.output))


def _alike(one: Value, other: Value) -> tuple[Tie, ...]:
    channels = np.arange(other.channels)
    return (Tie(one, channels, other, channels),)


def _mapped(network: Network, tied: Callable[[Node], _Bound]) -> ChannelMap:
    ids: dict[Value, Ids] = {}
    count = 0
    for value in network.values():
        if value.is_data and not value.is_constant:
            ids[value] = np.arange(count, count + value.channels)
            count += value.channels
    kept = np.zeros(count, np.bool_)
    pairs: list[tuple[Ids, Ids]] = [(np.zeros(0, np.intp), np.zeros(0, np.intp))]
    for node in network.nodes:
        ties, stays = tied(node)
        pairs += [(ids[tie.one][tie.channels], ids[tie.other][tie.as_channels]) for tie in ties]
        for value in stays:
            kept[ids.get(value, ())] = True
    left, right = (np.concatenate(side) for side in zip(*pairs, strict=True))
    found, numbers = np.unique(_components(count, left, right), return_inverse=True)
    fixed, ends = np.zeros(found.size, np.bool_), np.zeros(found.size, np.bool_)
    np.logical_or.at(fixed, numbers, kept)
    for value in (*network.inputs, *network.outputs):
        ends[numbers[ids.get(value, ())]] = True
    return ChannelMap({v: numbers[each] for v, each in ids.items()}, fixed | ends, ends, _clips(network))


def gate_of(node: Node, makers: Mapping[Value, Node]) -> Value | None:
    """The operand of a product that keeps its scale: one that must in any case, else the smaller, else a bounded one.

    Args:
        node: any.
        makers: who makes each activation.

    Returns:
        None for what is no product of two activations, and where neither is rather a gate than the other.
    """
    operands = node.data_activations
    if not node.meaning.product or len(operands) != 2:
        return None
    one, other = (_gateness(v, node.output, makers) for v in operands)
    if one == other:
        return None
    gate, through = operands if one > other else operands[::-1]
    return gate if through.shape[-1:] == node.output.shape[-1:] else None


def _gateness(value: Value, product: Value, makers: Mapping[Value, Node]) -> tuple[bool, bool, bool]:
    maker = makers.get(value)
    curve = maker is None or (maker.meaning.ties is None and not maker.meaning.product)
    return curve, value.shape != product.shape, _is_bounded(maker, makers)


def _is_bounded(maker: Node | None, makers: Mapping[Value, Node]) -> bool:
    """Whether a clip bounds what a node makes, maybe multiplied by constants behind it."""
    while maker is not None and maker.clip is None and maker.layer is None and len(maker.data_activations) == 1:
        maker = makers.get(maker.data_activations[0])
    return maker is not None and maker.clip is not None


def layer_channels(node: Node, channels: ChannelMap) -> tuple[Ids, Ids]:
    """Variables of a layer's output channels, [O], and of what each row of its weights reads, [O, I]."""
    layer = node.layer
    assert layer is not None
    source, group = channels.of[node.input(layer.data)], np.arange(layer.groups)[:, None, None]
    read = source[(group * layer.columns + np.arange(layer.columns)) % source.size]  # a dense layer may flatten it
    rows = np.broadcast_to(read, (layer.groups, layer.rows // layer.groups, layer.columns))
    return channels.of[node.output], rows.reshape(layer.rows, layer.columns)  # not copied where there is one group


def _clips(network: Network) -> dict[Value, float]:
    return {v: node.clip for node in network.nodes if node.clip is not None for v in node.data_outputs}


def _components(count: int, left: Ids, right: Ids) -> Ids:
    """[count] the smallest number in each connected component."""
    labels = np.arange(count)
    while True:
        before = labels.copy()
        least = np.minimum(labels[left], labels[right])
        np.minimum.at(labels, left, least)
        np.minimum.at(labels, right, least)
        labels = np.asarray(labels[labels])
        if np.array_equal(labels, before):
            return labels

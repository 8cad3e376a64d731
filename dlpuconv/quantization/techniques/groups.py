"""Groups: a layer whose channels differ beyond equalization becomes several, each with one scale for its weights.

Its output channels are put in the order of their groups, which the neighbours' weights take up. Depthwise layers right
behind it, and curves between them, are cut along with it: the groups are joined behind the last of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.network import CannotError, part_name
from dlpuconv.quantization.techniques.channels import is_depthwise
from dlpuconv.quantization.techniques.orders import Places, reordered
from dlpuconv.quantization.techniques.twins import with_layers_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dlpuconv.network import Network, Node, Value
    from dlpuconv.quantization.sites import LayerGroups
    from dlpuconv.quantization.techniques.channels import Ids
    from dlpuconv.quantization.techniques.orders import Orders

type Origins = Mapping[str, tuple[str, Ids]]
"""By activation that holds other channels than it did: the one that these were of, and which they were there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The same function by more layers.

    Attributes:
        network: float.
        origins: of new activations, and of those whose channels changed places.
    """

    network: Network
    origins: Origins

    def likewise(self, other: Network, groups: Sequence[LayerGroups]) -> Network:
        """The same done to another network of the same activations."""
        return with_layers_of(self.network, cut_layers(other, groups).network)


def cut_layers(network: Network, groups: Sequence[LayerGroups]) -> Cut:
    """The same function with layers cut into several, and their channels in the order of the groups.

    Args:
        network: float; it is not changed.
        groups: each of another layer, which makes its channels of all that it reads.

    Raises:
        CannotError: there is no such layer, its channels cannot change places, or the format has no form for it.
    """
    chains, orders = chains_of(network, groups)
    origins = {value.name: (value.name, order) for value, order in orders.items()}
    made = reordered(network, orders)
    for each, chain in zip(groups, chains, strict=True):
        sizes = np.unique(each.of, return_counts=True)[1].tolist()
        origins |= dict(_parts([node.output for node in chain], sizes, origins))
        nodes = {node.output: node for node in made.nodes}
        made = made.with_parallel_layers([nodes[node.output] for node in chain], sizes)
    return Cut(network=made, origins=origins)


def chains_of(network: Network, groups: Sequence[LayerGroups]) -> tuple[list[list[Node]], Orders]:
    """What is cut for each of some groups, and the order in which all activations get their channels for it.

    Raises:
        CannotError: see `cut_layers`.
    """
    asked = [each.layer for each in groups]
    if twice := [name for name in asked if asked.count(name) > 1]:
        raise CannotError(f"{twice[0]!r} is told twice")
    if whole := [each.layer for each in groups if len(set(each.of)) < 2]:
        raise CannotError(f"all channels of {whole[0]!r} are in one group, as they are without it")
    chains = [chain_of(network, name) for name in asked]
    return chains, _orders(network, groups, [chain[0].output for chain in chains])


def chain_of(network: Network, name: str) -> list[Node]:
    """The layer that makes an activation, and what is cut along with it: up to the last depthwise layer behind it.

    Raises:
        CannotError: no layer that reads all channels makes it.
    """
    head = next((node for node in network.nodes if node.output.name == name and node.layer is not None), None)
    if (
        head is None
        or not head.output.shape
        or head.layer is None
        or head.layer.weights is None
        or head.layer.groups != 1
    ):
        raise CannotError(f"{name!r} is made by no layer that could be cut into groups")
    readers = network.consumers()
    chain, last = [head], 1
    while (follower := _follower(network, chain[-1].output, readers)) is not None:
        chain.append(follower)
        if follower.layer is not None:
            last = len(chain)
    return chain[:last]


def _follower(network: Network, value: Value, readers: Mapping[Value, list[Node]]) -> Node | None:
    """The only node that reads an activation, where it can be cut with it."""
    found = readers.get(value, [])
    if len(found) != 1 or value in network.outputs or len(found[0].outputs) != 1:
        return None
    node = found[0]
    alone = len(node.activations) == 1 and node.output.channels == value.channels
    return node if alone and (is_depthwise(node) or (node.layer is None and node.meaning.keeps_channels)) else None


def _orders(network: Network, groups: Sequence[LayerGroups], values: Sequence[Value]) -> dict[Value, Ids]:
    """Of all activations whose channels change places; the first of several layers that move together decides.

    Raises:
        CannotError: the channels of one cannot change places so.
    """
    places = Places.of(network)
    found: dict[Value, Ids] = {}
    for each, value in zip(groups, values, strict=True):
        of = np.asarray(each.of)
        if of.size != value.channels:
            raise CannotError(f"{each.layer!r} has {value.channels} channels, and groups are told for {of.size}")
        if (np.diff(of[found[value]] if value in found else of) >= 0).all():
            continue
        moved = None if value in found else places.moved(value, np.argsort(of, kind="stable"))
        if moved is None or not found.keys().isdisjoint(moved):
            raise CannotError(f"the channels of {each.layer!r} cannot be put in the order of its groups")
        found |= moved
    return found


def _parts(values: Sequence[Value], sizes: Sequence[int], origins: Origins) -> Iterator[tuple[str, tuple[str, Ids]]]:
    ends = np.cumsum(sizes)[:-1]
    for value in values:
        name, channels = origins.get(value.name, (value.name, np.arange(value.channels)))
        for part, those in enumerate(np.split(channels, ends)):
            yield part_name(value.name, part, len(sizes)), (name, those)

"""Gates: y = x g(x) by channel factors, exactly: t = s x, the gate reads t / s, and t g = s y.

The layer that makes x makes t instead, only the gate gets the true x, through a depthwise layer of weights 1 / s, and
who reads s y absorbs 1 / s into weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.network import CannotError, Order, Range
from dlpuconv.quantization.sites import STEPS_IN_AN_OCTAVE
from dlpuconv.quantization.techniques.channels import map_channels
from dlpuconv.quantization.techniques.scaling import Scaling, unknown
from dlpuconv.quantization.techniques.twins import with_layers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.network import Layer, Network, Node, Value
    from dlpuconv.quantization.sites import Gate
    from dlpuconv.quantization.statistics.channels import Details
    from dlpuconv.quantization.techniques.channels import ChannelMap

    type Reals = npt.NDArray[np.float64]

_CODES = 127
"""Largest weight of 8 bits: a gate's layer has one weight for each channel, which shall be whole numbers of steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """The same function with other factors at its gates.

    Attributes:
        network: float; shares its activations with the one that it was made of, and has new ones.
        likewise: does the same to another network of the same activations.
        changed: activations that have other values, or need other codes.
        details: statistics by channel of what was there before.
        ranges: of the new activations, by name.
    """

    network: Network
    likewise: Callable[[Network], Network]
    changed: Sequence[str]
    details: Details
    ranges: Mapping[str, Range]


def scale_gates(network: Network, gates: Sequence[Gate], details: Details) -> Gated:
    """The same function with other factors at its gates.

    Args:
        network: float; it is not changed.
        gates: channels that have to keep a factor, or to share one with a gate before, follow that.
        details: statistics by channel.

    Raises:
        CannotError: the network has no such gate, or its format no form for it.
    """
    sites = sites_of(network, [gate.site for gate in gates])
    if unmeasured := [site.product.name for site in sites if site.x.name not in details.channels]:
        raise CannotError(f"nothing was measured of what is multiplied in {unmeasured[0]!r}")
    separated, divided = network.with_gates([site.product for site in sites])
    channels = map_channels(separated)
    chosen = [2.0 ** (np.array(gate.steps) / STEPS_IN_AN_OCTAVE) for gate in gates]
    if wrong := [s.product.name for s, f in zip(sites, chosen, strict=True) if f.size != s.x.channels]:
        raise CannotError(f"{wrong[0]!r} has another number of channels than the recipe says")
    factors = _factors(channels, held(separated, channels), sites, chosen)
    scaling = Scaling(channels, factors, np.zeros(factors.size, np.bool_))

    def likewise(other: Network) -> Network:
        return scaling.of(with_layers_of(separated, other.with_gates([site.product for site in sites])[0]))

    changed = _by_name(channels, factors, divided)
    made = scaling.of(separated)
    moved = _seen(details, sites).scaled(changed)
    return Gated(
        network=made,
        likewise=likewise,
        changed=(*changed, *(site.x.name for site in sites)),
        details=moved,
        ranges=_new_ranges(network, made, moved),
    )


@dataclass(frozen=True, slots=True)
class Site:
    """A gate of a network.

    Attributes:
        product: y = x g(x).
        x: what is gated.
        edge: below it y is 0, whatever x is.
    """

    product: Value
    x: Value
    edge: float


def sites_of(network: Network, names: Sequence[str]) -> list[Site]:
    """The gates of these names.

    Raises:
        CannotError: there is none of a name.
    """
    known, readers = {y.name: (y, x) for y, x in network.gates().items()}, network.consumers()
    if missing := [name for name in names if name not in known]:
        raise CannotError(f"the network has no gate {missing[0]!r}")
    found = (known[name] for name in names)
    return [Site(y, x, -np.inf if x in network.outputs else _edge(y, x, readers)) for y, x in found]


def _edge(product: Value, x: Value, readers: Mapping[Value, Sequence[Node]]) -> float:
    """What readers of x see of it: a hard swish is 0 below -3, a sigmoid of 8 bits below -6.9."""
    others = [node for node in readers[x] if not (node.meaning.product and node.output is product)]
    if len(others) != 1:
        return -np.inf
    (reader,) = others
    if len(readers[x]) > 1:
        return _closed(product, reader, readers)
    return reader.meaning.sees.low if reader.meaning.clamp is None else reader.meaning.clamp.low


def _closed(product: Value, node: Node, readers: Mapping[Value, Sequence[Node]]) -> float:
    """Below what its input is, for all channels, the node closes the gate: that g(x) is 0."""
    layer, zero = node.layer, _keeps_zero(product, node.output, readers)
    if layer is None:
        if node.meaning.clamp is not None:
            return 0.0 if zero and node.meaning.clamp.low == 0.0 else -np.inf
        return node.meaning.sees.low if zero and node.meaning.is_score else -np.inf
    if layer.weights is None or layer.bias is None or (layer.weights <= 0).any():
        return -np.inf
    if layer.activation.rectifies:
        closed = 0.0 if zero else -np.inf
    else:
        closed = _closed(product, readers[node.output][0], readers)
    return float(((closed - layer.bias) / layer.weights.reshape(-1)).min())


def _keeps_zero(product: Value, made: Value, readers: Mapping[Value, Sequence[Node]]) -> bool:
    """Whether the gate only multiplies this value, by constants, before it meets x: where it is 0, g(x) is."""
    while len(readers[made]) == 1:
        (node,) = readers[made]
        if node.output is product:
            return True
        if node.meaning.order is not Order.PRODUCT:
            return False
        made = node.output
    return False


def held(network: Network, channels: ChannelMap) -> npt.NDArray[np.bool_]:
    """[V] True where a factor would change what the network computes, or might because of a clip."""
    found = channels.fixed | unknown(network, channels)
    for value in channels.clips:
        found[channels.of[value]] = True
    return found


def _factors(
    channels: ChannelMap, done: npt.NDArray[np.bool_], sites: Sequence[Site], chosen: Sequence[Reals]
) -> Reals:
    """[V] the factor of every variable."""
    factors = np.ones(channels.fixed.size)
    for site, wanted in zip(sites, chosen, strict=True):
        ids = channels.of[site.x]
        taken = done[ids]
        factors[ids] = np.where(taken, factors[ids], whole(np.where(taken, factors[ids], wanted)))
        done[ids] = True
    return factors


def whole(factors: Reals) -> Reals:
    """[C] factors near these whose reciprocals are whole numbers of steps of their largest."""
    steps = np.maximum(np.rint(_CODES * factors.min(initial=np.inf) / factors), 1.0)
    return np.asarray(factors.min(initial=np.inf) * _CODES / steps)


def _by_name(channels: ChannelMap, factors: Reals, divided: Mapping[str, float]) -> dict[str, Reals]:
    found = {v.name: factors[ids] * divided.get(v.name, 1.0) for v, ids in channels.of.items()}
    return {name: each for name, each in found.items() if (each != 1.0).any()}


def _seen(details: Details, sites: Sequence[Site]) -> Details:
    """Without values that no gate lets through: they may saturate."""
    tables = dict(details.channels)
    for site in sites:
        if site.x.name in tables:
            low, *others = tables[site.x.name].T
            tables[site.x.name] = np.column_stack([np.maximum(low, min(site.edge, 0.0)), *others])
    return replace(details, channels=tables)


def _new_ranges(before: Network, after: Network, details: Details) -> dict[str, Range]:
    """What the gates' own layers make, which work on each value by itself."""
    known = set(before.values())
    found = {}
    for node in after.nodes:
        if node.layer is not None and node.output not in known:
            low, high = details.channels[node.input(node.layer.data).name][:, :2].T
            found[node.output.name] = _range(node.layer, low, high)
    return found


def _range(layer: Layer, low: Reals, high: Reals) -> Range:
    assert layer.weights is not None
    assert layer.bias is not None
    ends = np.stack([low, high]) * layer.weights.reshape(-1) + layer.bias
    if layer.activation.rectifies:
        ends = np.clip(ends, 0.0, layer.activation.clip)
    return Range(float(ends.min()), float(ends.max()))

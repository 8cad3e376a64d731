"""Which gates get other factors, and which: s = (largest peak / peak) ^ p by channel, with a p for each gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from dlpuconv.network import CannotError
from dlpuconv.quantization.sites import STEPS_IN_AN_OCTAVE, Gate
from dlpuconv.quantization.techniques.channels import map_channels
from dlpuconv.quantization.techniques.gates import held, scale_gates, sites_of
from dlpuconv.quantization.techniques.noise import Noise
from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dlpuconv.network import Network
    from dlpuconv.quantization.statistics.channels import Details
    from dlpuconv.quantization.techniques.channels import ChannelMap
    from dlpuconv.quantization.techniques.gates import Site

    type Reals = npt.NDArray[np.float64]
    type Ids = npt.NDArray[np.intp]

POWERS: Final = (0.0, 0.25, 0.5, 0.65, 0.8)
_ROUNDS = 2
_MOST_STEPS = 6 * STEPS_IN_AN_OCTAVE
"""A factor of 64: a gate's weights of 8 bits have two steps left."""
_WORTH = 0.9
"""Of the noise of the layers around it: a gate's layer costs time."""


def choose_gates(network: Network, details: Details, weights: Granularity = Granularity.PER_TENSOR) -> tuple[Gate, ...]:
    """The gates of a network that are worth it.

    Args:
        network: float.
        details: statistics by channel.
        weights: how many scales those of a layer have.
    """
    names = [product.name for product, x in network.gates().items() if x.name in details.channels]
    while names:
        try:
            gates = _chosen(network, details, names, weights)
        except CannotError:
            return ()
        if len(gates) == len(names):
            return gates
        names = [gate.site for gate in gates]  # one that is left out may hold the factors of others
    return ()


def _chosen(network: Network, details: Details, names: Sequence[str], weights: Granularity) -> tuple[Gate, ...]:
    sites = sites_of(network, names)
    plain = scale_gates(network, [Gate(site.product.name, (0,) * site.x.channels) for site in sites], details)
    channels = map_channels(plain.network)
    fixed = held(plain.network, channels)
    products = {site.x.name: site.product.name for site in sites}
    noise = Noise.of(plain.network, channels, plain.details, products, weights)
    steps = _steps(noise, channels, fixed, sites, plain.details)
    by_site = ((site, steps[channels.of[site.x]]) for site in sites)
    return tuple(Gate(site.product.name, tuple(found.tolist())) for site, found in by_site if found.any())


def _steps(
    noise: Noise, channels: ChannelMap, fixed: npt.NDArray[np.bool_], sites: Sequence[Site], details: Details
) -> npt.NDArray[np.int64]:
    """[V] of the powers with the least predicted noise, gate by gate."""
    steps: npt.NDArray[np.int64] = np.zeros(fixed.size, np.int64)
    for _ in range(_ROUNDS):
        done = fixed.copy()
        for site in sites:
            ids = channels.of[site.product]
            open_ids = ids[~done[ids]]
            done[ids] = True
            if open_ids.size:
                near, peaks = noise.near(open_ids), np.abs(details.channels[site.product.name][:, :2]).max(axis=1)
                ways = [_by_power(steps, ids, peaks, power, open_ids) for power in POWERS]
                costs = [near(2.0 ** (way / STEPS_IN_AN_OCTAVE)) for way in ways]
                best = int(np.argmin(costs))
                steps = ways[best if costs[best] < _WORTH * costs[0] else 0]
    return steps


def _by_power(
    steps: npt.NDArray[np.int64], ids: Ids, peaks: Reals, power: float, open_ids: Ids
) -> npt.NDArray[np.int64]:
    """[V] with those of some variables by a power of their peaks."""
    known = np.where(peaks > 0, peaks, peaks.max() or 1.0)  # what never fires asks for nothing
    octaves = np.log2(known.max() / known)
    wanted = np.zeros(steps.size, np.int64)
    wanted[ids] = np.minimum(np.rint(power * octaves * STEPS_IN_AN_OCTAVE), _MOST_STEPS)
    found = steps.copy()
    found[open_ids] = wanted[open_ids]
    return found

"""Detours: readers that must have the channels of an activation as they are get them through a layer of their own.

A softmax, or the mean of squares over all channels, forbids to scale the channels that it reads, and with them those of
all who share its input: the main path of a network may be held by a small branch. A depthwise layer of weights 1 in
front of that branch takes the factors back, so that equalization is free on the main path, at the price of one layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.network import CannotError, detour_name
from dlpuconv.quantization.ranges.choice import observed_values
from dlpuconv.quantization.recipe import Balance
from dlpuconv.quantization.sites import Detour
from dlpuconv.quantization.techniques.channels import holding_readers
from dlpuconv.quantization.techniques.equalize import equalize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.network import Network
    from dlpuconv.quantization.statistics.channels import Details

_MAP_RANK = 4
"""The number of axes of what a depthwise layer reads."""
_WORTH = 1.0
"""Octaves between the factors of an activation: of less, its scale would hardly be finer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detoured:
    """The same function with detours.

    Attributes:
        network: float; shares its activations with the one that it was made of, and has new ones.
        origins: of the new activations, by name: the one whose channels they have, and which.
    """

    network: Network
    origins: Mapping[str, tuple[str, npt.NDArray[np.intp]]]


def take_detours(network: Network, detours: Sequence[Detour]) -> Detoured:
    """The same function with detours.

    Args:
        network: float; it is not changed.
        detours: activations, and which of their readers.

    Raises:
        CannotError: the network has no such activation, or one of the detour's name, or its format no form for it.
    """
    known = {value.name: value for value in network.values() if not value.is_constant}
    if missing := [detour.site for detour in detours if detour.site not in known]:
        raise CannotError(f"the network has no activation {missing[0]!r}")
    if taken := [detour.site for detour in detours if detour_name(detour.site) in known]:
        raise CannotError(f"an activation is called {detour_name(taken[0])!r} already")
    made = network.with_detours({known[detour.site]: detour.readers for detour in detours})
    sites = [known[detour.site] for detour in detours]
    return Detoured(network=made, origins={detour_name(v.name): (v.name, np.arange(v.channels)) for v in sites})


def choose_detours(network: Network, details: Details) -> tuple[Detour, ...]:
    """The detours that let equalization do what it could not: whether that is worth their layers, only a file tells.

    Args:
        network: float.
        details: statistics by channel.
    """
    found = _possible(network, details)
    try:
        made = take_detours(network, found) if found else None
    except CannotError:
        return ()
    if made is None:
        return ()
    factors = equalize(made.network, details.picked(made.origins), Balance.NOISE).factors
    return tuple(
        detour for detour in found if detour.site in factors and np.ptp(np.log2(factors[detour.site])) >= _WORTH
    )


def _possible(network: Network, details: Details) -> tuple[Detour, ...]:
    """Activations that some readers hold and others do not; gates are separated in their own way."""
    readers = network.consumers()
    fitting = {v for v in observed_values(network) if v.name in details.channels and len(v.shape) == _MAP_RANK}
    fitting -= {*network.gates().values(), *network.inputs, *network.outputs}
    return tuple(
        Detour(value.name, tuple(readers[value].index(node) for node in holding))
        for value, holding in holding_readers(network).items()
        if value in fitting and len(holding) < len(readers[value])
    )

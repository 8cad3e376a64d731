"""Groups: a layer whose channels differ beyond equalization becomes several, each with one scale for its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.network import CannotError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.network import Network
    from dlpuconv.quantization.sites import LayerGroups


def cut_layers(network: Network, groups: Sequence[LayerGroups]) -> Network:
    """The same function with layers cut into several, and the channels in another order.

    Raises:
        CannotError: the format has no form for it.
    """
    raise CannotError(f"{len(groups)} layers of {len(network.nodes)} nodes")

"""Gates: y = x g(x) by channel factors, exactly: t = s x, the gate reads t / s, and t g = s y.

The layer that makes x makes t instead, only the gate gets the true x, through a depthwise layer of weights 1 / s, and
who reads s y absorbs 1 / s into weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.network import CannotError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.network import Network
    from dlpuconv.quantization.sites import Gate


def scale_gates(network: Network, gates: Sequence[Gate]) -> Network:
    """The same function with other factors at its gates.

    Raises:
        CannotError: the format has no form for it.
    """
    raise CannotError(f"{len(gates)} gates of {len(network.nodes)} nodes")

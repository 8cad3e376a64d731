"""Two networks of the same activations, such as one whose values are truer to training, which are edited alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.network import Constants

if TYPE_CHECKING:
    from dlpuconv.network import Network


def with_layers_of(network: Network, twin: Network) -> Network:
    """A network whose layers have the weights and biases of those of another one; its activations stay.

    Args:
        network: float.
        twin: of the same nodes in the same order; activations that an edit made may be other objects.
    """
    pairs = zip(network.nodes, twin.nodes, strict=True)
    layers = {mine: theirs.layer for mine, theirs in pairs if theirs.layer is not None}
    return network.with_constants(
        {node: Constants(weights=layer.weights, bias=layer.bias) for node, layer in layers.items()}
    )

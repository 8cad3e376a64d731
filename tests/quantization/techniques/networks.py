"""Small networks of several layers, in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.network.numpy_builder import Builder

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.network import Layer, Network
    from tests.network.numpy_network import NumpyNetwork


def separable(first: Any, first_bias: Any, middle: Any, last: Any) -> NumpyNetwork:
    """Conv 1x1 and ReLU6, depthwise 3x3 and ReLU6, conv 1x1: x of [1, 4, 4, 2], a, b, y."""
    b, count = Builder(), len(first_bias)
    a = b.conv("a", b.input("x", 1, 4, 4, 2), np.reshape(first, (count, 1, 1, 2)), first_bias, function="relu6")
    d = b.conv("b", a, np.reshape(middle, (count, 3, 3, 1)), np.zeros(count), function="relu6")
    y = b.conv("y", d, np.reshape(last, (-1, 1, 1, count)), np.full(np.shape(last)[0], 0.25))
    return b.network(y)


def layer(network: Network, index: int) -> Layer:
    """That of the node at this position."""
    found = network.nodes[index].layer
    assert found is not None
    return found


def weights(network: Network, index: int) -> npt.NDArray[Any]:
    """Of the layer at this position."""
    found = layer(network, index).weights
    assert found is not None
    return found


def bias(network: Network, index: int) -> npt.NDArray[Any]:
    """Of the layer at this position."""
    found = layer(network, index).bias
    assert found is not None
    return found

"""Networks that have something of everything that techniques work on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.network.numpy_builder import Builder

if TYPE_CHECKING:
    import numpy.typing as npt

    from tests.network.numpy_network import NumpyNetwork


def weights(*shape: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """About as large as a trained layer's."""
    return np.random.default_rng(seed).normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)


def separable() -> NumpyNetwork:
    """Convolution, depthwise convolution and pointwise convolution, with clips and a residual sum."""
    b = Builder()
    x = b.input("x", 1, 6, 6, 2)
    a = b.conv("a", x, weights(4, 3, 3, 2, seed=1), [0.1, 0.2, -0.1, 0.0], function="relu6", stride=2)
    d = b.conv("d", a, weights(4, 3, 3, 1, seed=2), np.zeros(4), function="relu6")
    p = b.conv("p", d, weights(4, 1, 1, 4, seed=3), np.full(4, 0.25))
    s = b.sum("s", p, a)
    y = b.conv("y", s, weights(3, 1, 1, 4, seed=4), np.zeros(3))
    return b.network(y)


def classifier() -> NumpyNetwork:
    """Grouped and dilated layers, pools, a dense layer that flattens, softmax."""
    b = Builder()
    x = b.input("x", 1, 8, 8, 4)
    a = b.conv("a", x, weights(6, 3, 3, 2, seed=1), np.linspace(-0.1, 0.1, 6), function="relu", dilation=2)
    m = b.max_pool("m", a, 2)
    h = b.conv("h", m, weights(4, 2, 2, 6, seed=2), np.zeros(4), function="hard-swish", stride=2, padded=False)
    f = b.dense("f", h, weights(5, 16, seed=3), np.zeros(5), "relu")
    z = b.dense("z", f, weights(3, 5, seed=4), np.zeros(3))
    return b.network(b.softmax("y", z))


def decoder() -> NumpyNetwork:
    """A transposed layer, parts that are joined, scores beside boxes, labels."""
    b = Builder()
    x = b.input("x", 1, 4, 4, 3)
    up = b.conv("up", x, weights(4, 3, 3, 3, seed=1), np.zeros(4), function="relu", stride=2, transposed=True)
    g = b.conv("g", up, weights(2, 1, 1, 4, seed=2), [0.5, -0.5])
    box = b.product("box", b.reshape("rows", g, 1, 64, 2), [100.0, 50.0])
    score = b.curve(
        "score", b.dense("logits", b.reshape("more", up, 1, 64, 4), weights(3, 4, seed=3), np.zeros(3)), "sigmoid"
    )
    both = b.concat("both", [box, score], 2)
    average = b.mean("average", b.sum("shifted", up, [0.1, 0.2, 0.3, 0.4], -1))
    return b.network(both, average, b.label("label", b.transpose("turned", score, 0, 2, 1)))


EXAMPLES = [separable, classifier, decoder]

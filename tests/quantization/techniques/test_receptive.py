from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.quantization.techniques.receptive import columns_of, positions_of, row_length, rows_of
from tests.network.examples import weights
from tests.network.numpy_builder import Builder
from tests.quantization.support import outputs, samples

if TYPE_CHECKING:
    from tests.network.numpy_network import NumpyNetwork


def conv(shape: tuple[int, ...], kernel: tuple[int, ...], **options: Any) -> NumpyNetwork:
    b = Builder()
    return b.network(b.conv("y", b.input("x", *shape), weights(*kernel), **options))


def dense() -> NumpyNetwork:
    b = Builder()
    return b.network(b.dense("y", b.input("x", 2, 2, 3), weights(4, 6)))


LAYERS = {
    "conv": conv((1, 7, 6, 2), (3, 3, 2, 2), stride=2),
    "dilated": conv((1, 7, 6, 2), (3, 3, 2, 2), dilation=2, padded=False),
    "of two samples": conv((2, 4, 4, 2), (3, 3, 3, 2)),
    "grouped": conv((1, 5, 5, 4), (6, 3, 3, 2)),
    "pointwise": conv((2, 4, 3, 6), (4, 1, 1, 6)),
    "pointwise, grouped": conv((1, 4, 3, 6), (4, 1, 1, 3)),
    "pointwise, with gaps": conv((1, 5, 4, 3), (4, 1, 1, 3), stride=2),
    "depthwise": conv((1, 6, 5, 3), (6, 3, 3, 1), stride=2),
    "along one axis": conv((1, 9, 4), (5, 3, 4), stride=2),
    "along three": conv((1, 3, 4, 3, 2), (2, 2, 3, 1, 2)),
    "dense": dense(),
    "transposed": conv((1, 3, 4, 2), (3, 3, 3, 2), stride=2, transposed=True),
    "transposed, unpadded": conv((1, 3, 4, 2), (3, 2, 2, 2), stride=3, transposed=True, padded=False),
}


@pytest.mark.parametrize("network", LAYERS.values(), ids=LAYERS)
def test_rows_times_columns_are_what_the_layer_makes(network: NumpyNetwork) -> None:
    (node,), (feed,) = network.nodes, samples(network, 1, low=-1)
    assert node.layer is not None
    assert node.layer.weights is not None
    rows = rows_of(node.layer, node.layer.weights)
    assert rows.shape[2] == row_length(node.layer)
    columns = columns_of(node.layer, np.asarray(feed["x"]), np.arange(positions_of(node)))
    (expected,) = outputs(network, feed)
    assert np.allclose(np.einsum("gok,gpk->pgo", rows, columns).reshape(expected.shape), expected, atol=1e-5)


def test_positions_can_be_picked() -> None:
    (node,) = LAYERS["conv"].nodes
    assert node.layer is not None
    x = np.random.default_rng(5).normal(size=node.input(0).shape)
    picked = np.array([1, 10, 7])
    assert np.array_equal(columns_of(node.layer, x, picked), columns_of(node.layer, x, np.arange(12))[:, picked])

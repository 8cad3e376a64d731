from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Graph, Operator
from dlpuconv_backends.tflite.network import TFLiteNetwork
from tests.backends.tflite.models import activation, constant
from tests.backends.tflite.networks import RELU, VALID, conv, depthwise, separable
from tests.network.contract import every_check

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.network import Network

RANDOM = np.random.default_rng(3)


def weights(*shape: int) -> Any:
    return RANDOM.uniform(-0.5, 0.5, shape)


def three_layers() -> Graph:
    return separable(weights(3, 2), np.full(3, 0.1), weights(1, 3, 3, 3), weights(2, 3))


def every_layer() -> Graph:
    """Groups, dilation, strides, a transposed layer, a dense one that flattens, a sum and softmax."""
    x, a, d = activation("x", 1, 6, 6, 4), activation("a", 1, 6, 6, 4), activation("d", 1, 3, 3, 8)
    up, s, y = activation("up", 1, 7, 7, 2), activation("s", 1, 7, 7, 2), activation("y", 1, 3)
    grouped = conv(x, a, weights(4, 3, 3, 2), weights(4), RELU)
    grouped.options.dilationHFactor = 2
    strided = depthwise(a, d, weights(1, 3, 3, 8), weights(8))
    strided.options.depthMultiplier = 2
    strided.options.strideH = strided.options.strideW = 2
    options = schema.TransposeConvOptionsT()
    options.strideH = options.strideW = 2
    options.padding = VALID
    shape = constant("up.shape", [1, 7, 7, 2], np.int32)
    grown = Operator("TRANSPOSE_CONV", [shape, constant("up.w", weights(2, 3, 3, 8)), d], [up], options, "up")
    added = Operator("ADD", [up, constant("s.c", weights(2))], [s], schema.AddOptionsT(), "s")
    dense = schema.FullyConnectedOptionsT()
    last = Operator(
        "FULLY_CONNECTED", [s, constant("y.w", weights(3, 98)), constant("y.b", weights(3))], [y], dense, "y"
    )
    return Graph([x], [y], [grouped, strided, grown, added, last])


@pytest.mark.parametrize("make", [three_layers, every_layer], ids=lambda make: make.__name__)
@every_check
def test_a_tflite_graph_keeps_to_the_contract_of_a_network(
    make: Callable[[], Graph], check: Callable[[Network], None]
) -> None:
    check(TFLiteNetwork(make()))

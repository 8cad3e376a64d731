"""An ONNX graph as the quantizer's network keeps to the contract of networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.quantization.techniques.equalize import equalize
from tests.backends.onnx_qdq.examples import attention, branches, emitted, exactness, network, separable
from tests.backends.onnx_qdq.models import model, weights
from tests.network.contract import every_check, made_up, values_of
from tests.quantization.support import measured

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.ir import Model
    from dlpuconv.network import Network


@pytest.mark.parametrize("make", [separable, branches, attention])
@every_check
def test_an_onnx_graph_keeps_to_the_contract_of_a_network(
    make: Callable[[], Model], check: Callable[[Network], None]
) -> None:
    check(network(make()))


def test_bias_and_clip_belong_to_their_layer() -> None:
    first, *_ = network(separable()).nodes
    assert first.kind == "Conv"
    assert first.layer is not None
    assert first.layer.bias is not None
    assert first.layer.activation.rectifies
    assert first.layer.activation.clip == 6.0
    assert first.layer.weights is not None
    assert first.layer.weights.shape == (6, 3, 3, 4)


def test_a_normalization_is_one_node() -> None:
    nodes = network(attention()).nodes
    assert nodes[-1].kind == "Add+ReduceMean+Sub+Mul+ReduceMean+Add+Sqrt+Reciprocal+Mul"
    assert [v.name for v in nodes[-1].activations] == ["o", "x"]


def test_channels_of_a_map_lie_last() -> None:
    found = network(separable())
    shapes = {v.name: v.shape for v in found.values() if not v.is_constant}
    assert shapes["x"] == (1, 8, 8, 4)
    assert shapes["b"] == (1, 4, 4, 6)
    assert shapes["y"] == (1, 5)


def test_flattened_channels_are_tied_to_their_map() -> None:
    source = model(
        "(float[1,3,2,2] x) => (float[1,12] y) { a = Relu(x) \n c = Conv(a, w) \n y = Reshape(c, flat) }",
        {"w": weights(3, 3, 1, 1), "flat": [1, 12]},
    )
    ties = network(source).nodes[-1].meaning.ties
    assert ties is not None
    (tie,) = ties
    assert tie.one.name == "y"
    assert tie.as_channels.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]


@pytest.mark.parametrize("made", ["b = Conv(x, w)", "a = Conv(x, w) \n b = Relu(a)"])
def test_a_product_along_the_width_of_a_map_is_no_layer(made: str) -> None:
    source = model(
        f"(float[1,3,4,8] x) => (float[1,4,4,5] y) {{ {made} \n c = MatMul(b, m) \n y = Conv(c, v) }}",
        {"w": weights(6, 3, 1, 1), "m": weights(8, 5), "v": weights(4, 6, 1, 1)},
    )
    first, product, last = network(source).nodes
    assert first.output.shape == (1, 4, 8, 6)
    assert (product.kind, product.layer, product.meaning.ties) == ("MatMul", None, None)
    assert last.layer is not None
    (decibels,) = exactness(source, emitted(source))
    assert decibels > 25.0


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1), (1, 1, 1, 1)])
def test_a_number_that_is_added_to_channels_follows_their_factors(shape: tuple[int, ...]) -> None:
    source = model(
        "(float[1,3,4,4] x) => (float[1,2,4,4] y) { a = Conv(x, w1) \n m = Add(a, half) \n y = Conv(m, w2) }",
        {
            "w1": weights(4, 3, 1, 1, seed=1) * np.array([1, 4, 0.25, 16], np.float32).reshape(4, 1, 1, 1),
            "w2": weights(2, 4, 1, 1, seed=2),
            "half": np.full(shape, 0.5, np.float32),
        },
    )
    found = network(source)
    feeds = made_up(found, 4)
    made = equalize(found, measured(found, feeds))
    assert made.scaled
    before, after = (values_of(each, feeds[0], each.outputs)[0] for each in (found, made.network))
    assert np.allclose(after, before, atol=1e-5)

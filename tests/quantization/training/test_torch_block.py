from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.ir.affine import UINT8
from dlpuconv.quantization import Observer
from dlpuconv.quantization.quantize import Quantized, quantize
from dlpuconv.quantization.techniques.stepwise import codes_of, reals_of
from dlpuconv.quantization.training.pair import Pair
from dlpuconv.quantization.training.torch_block import TorchBlock
from dlpuconv.quantization.training.train import trainable
from dlpuconv.scheme import Coding, Granularity
from tests.network.examples import EXAMPLES, weights
from tests.network.numpy_builder import Builder
from tests.network.numpy_integer import realized
from tests.quantization.support import PER_TENSOR, SCHEME, samples
from tests.quantization.techniques.tuned import as_measured

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.quantization import Recipe
    from dlpuconv.scheme import Scheme
    from tests.network.numpy_network import NumpyNetwork

torch = pytest.importorskip("torch")

MINMAX = replace(PER_TENSOR, observer=Observer.MINMAX)
UINT = replace(SCHEME, activation_codes=Coding(type=UINT8))


def gated() -> NumpyNetwork:
    """Gates, sums with constants and of negative sign, clips that saturation does and that it does not."""
    b = Builder()
    a = b.conv("a", b.input("x", 1, 6, 5, 2), weights(4, 3, 3, 2, seed=1), np.zeros(4), stride=2)
    silu = b.product("silu", a, b.curve("gate", a, "sigmoid"))
    swish = b.curve("swish", b.conv("c", silu, weights(4, 1, 3, 2, seed=2)), "hard-swish")
    left = b.sum("left", swish, b.curve("clipped", a, "relu6"), -1)
    both = b.concat("both", [b.curve("r", b.sum("moved", left, [0.1, 0.2, -0.3, 0.4]), "relu"), silu], 3)
    up = b.conv("up", both, weights(3, 2, 2, 8, seed=3), np.ones(3), stride=2, transposed=True)
    return b.network(b.conv("y", up, weights(2, 3, 2, 3, seed=4), function="relu", padded=False))


def many_shapes() -> NumpyNetwork:
    """One spatial axis, groups, dilation, padding that differs at both ends, dense layers."""
    b = Builder()
    a = b.conv("a", b.input("x", 1, 11, 4), weights(6, 4, 2, seed=1), np.ones(6), function="relu6", stride=2)
    c = b.conv("c", a, weights(4, 3, 6, seed=2), dilation=2)
    d = b.dense("d", c, weights(5, 4, seed=3), np.full(5, 0.1), "relu")
    return b.network(b.dense("flat", d, weights(3, 30, seed=4), np.zeros(3)))


def made(network: NumpyNetwork, recipe: Recipe, scheme: Scheme) -> Quantized:
    return quantize(as_measured(network, samples(network, 12, low=-1)), recipe, scheme)


CASES = [*((make, SCHEME) for make in (*EXAMPLES, gated, many_shapes)), (many_shapes, UINT)]


@pytest.mark.parametrize(("make", "scheme"), CASES, ids=lambda x: getattr(x, "__name__", ""))
@pytest.mark.parametrize("granularity", Granularity)
def test_blocks_compute_what_the_integer_network_computes(
    make: Callable[[], NumpyNetwork], scheme: Scheme, granularity: Granularity
) -> None:
    """Within a step: biases are not rounded."""
    network = make()
    quantized = made(network, replace(MINMAX, granularity=granularity), scheme)
    feeds = samples(network, 3, seed=5, low=-1)
    integer = realized(quantized)
    pair, values = Pair(quantized, realized, feeds), {v.name: v for node in integer.nodes for v in node.outputs}
    codes = [{v.name: codes_of(feed[v.name], v) for v in integer.inputs} for feed in feeds]
    blocks = trainable(quantized)
    assert blocks
    for block in blocks:
        read = {v: torch.from_numpy(reals) for v, reals in pair.seen(block).inputs.items()}
        for value, found in zip(block.outputs, TorchBlock(block, quantized, ())(read), strict=True):
            tap = values[value.name]
            known = [np.array(next(integer.run([feed], [tap]))[0], np.float32) for feed in codes]
            difference = np.abs(found.numpy() - reals_of(np.concatenate(known), tap))
            assert difference.max() <= 1.01 * quantized.plan.scales[value].scale


def test_all_of_a_network_with_gates_is_in_blocks() -> None:
    network = gated()
    blocks = trainable(made(network, MINMAX, SCHEME))
    assert [node for block in blocks for node in block.nodes] == list(network.nodes)


def test_trained_codes_start_within_their_step_and_are_the_same_until_they_move() -> None:
    network = gated()
    quantized = made(network, MINMAX, SCHEME)
    (block, *_) = trainable(quantized)
    for node, layer in TorchBlock(block, quantized, block.layers).layers.items():
        codes, bias = layer.trained()
        assert np.array_equal(codes, quantized.layers[node].weights)
        assert (bias is None) is (quantized.layers[node].bias is None)
        assert np.abs(layer.codes.detach().numpy() - codes).max() > 0.4

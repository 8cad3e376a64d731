"""Trained blocks of a TFLite graph: torch computes what the plain integer kernels do, and recipes are repeated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dlpuconv.quantization import Rounding
from dlpuconv.quantization.quantizer import Quantizer
from dlpuconv.quantization.recipe_file import from_toml, to_toml
from dlpuconv.quantization.techniques.stepwise import codes_of, reals_of
from dlpuconv.quantization.training.pair import Pair
from dlpuconv.quantization.training.torch_block import TorchBlock
from dlpuconv.quantization.training.train import trainable
from dlpuconv_backends.flatbuffer import Graph, Operator, encode
from dlpuconv_backends.flatbuffer.edit import add, mul, unary
from dlpuconv_backends.tflite.emission import build
from dlpuconv_backends.tflite.network import TFLiteNetwork
from tests.backends.tflite.models import INT8, PER_TENSOR, PLAIN, activation, constant
from tests.backends.tflite.networks import RELU, RELU6, conv, depthwise
from tests.quantization.support import given, samples

torch = pytest.importorskip("torch")


def network() -> TFLiteNetwork:
    """Padding, a sum with a fused clip, PRELU, SiLU and HardSwish around layers."""
    random = np.random.default_rng(4)
    shapes = {"x": (4, 5, 2), "a": (4, 5, 3), "b": (4, 5, 3), "s": (4, 5, 3), "p": (4, 5, 3), "g": (4, 5, 3)}
    shapes |= {"m": (4, 5, 3), "q": (7, 5, 3), "d": (7, 5, 3), "h": (7, 5, 3), "y": (7, 5, 2)}
    x, a, b, s, p, g, m, q, d, h, y = (activation(name, 1, *shape) for name, shape in shapes.items())
    counts = constant("counts", [[0, 0], [1, 2], [0, 0], [0, 0]], np.int32)

    def bias(count: int) -> Any:
        return random.normal(0, 0.2, count)

    operators = [
        conv(x, a, random.normal(0, 1, (3, 3, 3, 2)), bias(3)),
        depthwise(a, b, random.normal(0, 0.5, (1, 3, 3, 3)), bias(3), RELU),
        add(a, b, s, "s", RELU6),
        Operator("PRELU", [a, constant("alpha", [[[0.2, -0.3, 0.5]]])], [p], None, "p"),
        unary("LOGISTIC", p, g, "g"),
        mul(s, g, m, "m"),
        Operator("PAD", [m, counts], [q], None, "q"),
        depthwise(q, d, random.normal(0, 0.5, (1, 3, 3, 3)), bias(3)),
        unary("HARD_SWISH", d, h, "h"),
        conv(h, y, random.normal(0, 1, (2, 1, 1, 3)), bias(2)),
    ]
    return TFLiteNetwork(Graph([x], [y], operators))


def test_torch_computes_what_the_integer_kernels_compute() -> None:
    """Within a step or two of the output, as kernels of curves approximate, and a quarter of one on average."""
    made = network()
    quantizer = Quantizer(made, given(samples(made, 16, low=-1)), lambda q: TFLiteNetwork(build(q, INT8), made))
    quantized = quantizer.quantize(PER_TENSOR, PLAIN).quantized
    integer, feeds = TFLiteNetwork(build(quantized, INT8), made), samples(made, 4, seed=3, low=-1)
    blocks = trainable(quantized)
    assert [node for block in blocks for node in block.nodes] == list(made.nodes)
    pair = Pair(quantized, lambda q: TFLiteNetwork(build(q, INT8), made), feeds)
    values = {v.name: v for node in integer.nodes for v in node.outputs}
    codes = [{v.name: codes_of(feed[v.name], v) for v in integer.inputs} for feed in feeds]
    for block in blocks:
        read = {v: torch.from_numpy(reals) for v, reals in pair.seen(block).inputs.items()}
        for value, found in zip(block.outputs, TorchBlock(block, quantized, ())(read), strict=True):
            tap = values[value.name]
            known = [np.array(next(iter(lent)), np.float32) for lent in integer.run(codes, [tap], plain=True)]
            steps = np.abs(found.numpy() - reals_of(np.concatenate(known), tap)) / quantized.plan.scales[value].scale
            assert steps.max() < 2.5
            assert steps.mean() < 0.25


@pytest.mark.slow
def test_a_recipe_that_trains_gives_the_same_bytes_when_it_is_repeated() -> None:
    def made(recipe: Any) -> bytes:
        start = network()
        quantizer = Quantizer(start, given(samples(start, 16, low=-1)), lambda q: TFLiteNetwork(build(q, INT8), start))
        outcome = quantizer.quantize(recipe, PLAIN)
        assert not outcome.dropped
        return encode(build(outcome.quantized, INT8))

    recipe = replace(PER_TENSOR, rounding=Rounding.TRAINED)
    assert made(from_toml(to_toml(recipe))) == made(recipe)

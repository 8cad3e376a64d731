from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from dlpuconv.quantization.quantizer import Quantizer
from dlpuconv.quantization.sites import LayerGroups
from dlpuconv.quantization.techniques.groups import cut_layers
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.tflite.emission import Interface, build
from dlpuconv_backends.tflite.network import TFLiteNetwork
from tests.backends.tflite.models import activation, run
from tests.backends.tflite.networks import RELU6, conv, depthwise
from tests.quantization.support import PER_TENSOR, SCHEME, given

CHANNELS = 6


def inverted(seed: int) -> TFLiteNetwork:
    """A convolution, PRELU, a depthwise layer and a convolution, as in many networks."""
    random = np.random.default_rng(seed)
    x, y = activation("x", 1, 5, 5, 2), activation("y", 1, 5, 5, 2)
    a, p, d = (activation(name, 1, 5, 5, CHANNELS) for name in "apd")
    alpha = Tensor.constant("alpha", random.uniform(0.1, 0.5, (1, 1, CHANNELS)).astype(np.float32))
    return TFLiteNetwork(
        Graph(
            [x],
            [y],
            [
                conv(x, a, random.normal(size=(CHANNELS, 3, 3, 2)), random.normal(size=CHANNELS)),
                Operator("PRELU", [a, alpha], [p]),
                depthwise(p, d, random.normal(size=(1, 3, 3, CHANNELS)), random.normal(size=CHANNELS), RELU6),
                conv(d, y, random.normal(size=(2, 1, 1, CHANNELS)), random.normal(size=2)),
            ],
        )
    )


def pixels(count: int = 4) -> list[dict[str, Any]]:
    random = np.random.default_rng(9)
    return [{"x": random.uniform(0, 1, (1, 5, 5, 2)).astype(np.float32)} for _ in range(count)]


groups = st.lists(st.integers(0, 3), min_size=CHANNELS, max_size=CHANNELS).filter(lambda of: len(set(of)) > 1)


@drawn(seed=st.integers(0, 99), of=groups)
@settings(max_examples=20, deadline=None)
def test_a_network_with_groups_computes_the_same(seed: int, of: list[int]) -> None:
    network, feed = inverted(seed), pixels(1)[0]
    made = cut_layers(network, [LayerGroups("a", tuple(of))]).network
    assert isinstance(made, TFLiteNetwork)
    exact = run(network.graph, feed)["y"]
    assert np.allclose(run(made.graph, feed)["y"], exact, atol=1e-4 * max(np.abs(exact).max(), 1.0))


def test_groups_are_joined_once_and_no_codes_are_rescaled() -> None:
    network, feeds = inverted(3), pixels()
    interface = Interface(input_dtype="int8", output_dtype="int8")
    quantizer = Quantizer(network, given(feeds), lambda made: TFLiteNetwork(build(made, interface), network))
    recipe = replace(PER_TENSOR, groups=(LayerGroups("a", (0, 1, 0, 1, 1, 1)),))
    outcome = quantizer.quantize(recipe, SCHEME)
    made = build(outcome.quantized, interface)
    chain = ["CONV_2D", "PRELU", "DEPTHWISE_CONV_2D"]
    assert [op.kind for op in made.operators] == [*chain, *chain, "CONCATENATION", "CONV_2D"]
    joined = made.operators[-2]
    assert {t.quantization for t in joined.inputs if t} == {joined.output.quantization}
    inner = {op.output.quantization for op in made.operators[:6] if op.kind == "CONV_2D"}
    assert len(inner) == 2, "what lies between the layers has a scale for each group"
    assert outcome.dropped == ()


def test_layers_of_a_group_are_called_after_the_layer_that_they_are_of() -> None:
    network = inverted(3)
    made = cut_layers(network, [LayerGroups("a", (0, 1, 0, 1, 1, 1))]).network
    assert [node.output.name for node in made.nodes][3:6] == [f"{name}/group 2 of 2" for name in "apd"]

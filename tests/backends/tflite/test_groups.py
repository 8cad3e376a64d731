from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from dlpuconv.quantization.quantizer import Quantizer
from dlpuconv.quantization.sites import LayerGroups
from dlpuconv.quantization.techniques.groups import cut_layers
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.tflite.emission import Interface, build
from dlpuconv_backends.tflite.meanings import BY_CHANNEL
from dlpuconv_backends.tflite.network import TFLiteNetwork
from tests.backends.tflite.models import activation, run
from tests.backends.tflite.networks import RELU6, conv, depthwise
from tests.quantization.support import PER_TENSOR, SCHEME, given

CHANNELS = 6
OF_TWO: dict[str, Any] = {
    "ADD": schema.AddOptionsT,
    "SUB": schema.SubOptionsT,
    "MUL": schema.MulOptionsT,
    "SQUARED_DIFFERENCE": None,
    "MAXIMUM": None,
    "MINIMUM": None,
    "PRELU": None,
    "PAD": None,
}


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


@pytest.mark.parametrize("kind", sorted(BY_CHANNEL))
def test_whatever_keeps_channels_can_be_cut_along(kind: str) -> None:
    x, a, c, d = (activation(name, 1, 5, 5, channels) for name, channels in zip("xacd", (2, 6, 6, 6), strict=True))
    operands = {"PRELU": (1, 1, CHANNELS), "PAD": None}.get(kind, (CHANNELS,))
    second = Tensor.constant("c", np.zeros((4, 2), np.int32) if operands is None else np.full(operands, 2, np.float32))
    inputs: list[Tensor | None] = [a, second] if kind in OF_TWO else [a]
    graph = Graph(
        [x],
        [d],
        [
            conv(x, a, np.full((CHANNELS, 1, 1, 2), 0.5), np.arange(1.0, 1 + CHANNELS)),
            Operator(kind, inputs, [c], *([OF_TWO[kind]()] if OF_TWO.get(kind) else [])),
            depthwise(c, d, np.full((1, 3, 3, CHANNELS), 0.5), np.zeros(CHANNELS)),
        ],
    )
    network, feed = TFLiteNetwork(graph), pixels(1)[0]
    made = cut_layers(network, [LayerGroups("a", (0, 0, 1, 1, 1, 2))]).network
    assert isinstance(made, TFLiteNetwork)
    assert len(made.nodes) == 10
    assert np.allclose(run(made.graph, feed)["d"], run(graph, feed)["d"], rtol=1e-4)


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

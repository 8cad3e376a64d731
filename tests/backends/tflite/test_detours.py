from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.ir.affine import INT8 as CODES
from dlpuconv.network import CannotError
from dlpuconv.quantization.measuring import measure
from dlpuconv.quantization.quantizer import Quantizer
from dlpuconv.quantization.recipe import Balance
from dlpuconv.quantization.recipe_file import from_toml, to_toml
from dlpuconv.quantization.sites import Detour, Proposal
from dlpuconv.quantization.techniques.detours import choose_detours, take_detours
from dlpuconv.quantization.techniques.tuning import Tuner
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor, encode
from dlpuconv_backends.flatbuffer.edit import mul
from dlpuconv_backends.tflite.emission import build
from dlpuconv_backends.tflite.network import TFLiteNetwork
from tests.backends.tflite.models import INT8, PER_TENSOR, PLAIN, activation, run
from tests.backends.tflite.networks import conv, pixels
from tests.error_ids import raises_error
from tests.quantization.support import given as given_samples
from tests.quantization.support import measured

if TYPE_CHECKING:
    from dlpuconv.quantization import Recipe

EQUALIZED = replace(PER_TENSOR, equalize=True, balance=Balance.NOISE)
DETOUR = Detour("a", (0,))


def branching(seed: int = 0, smaller: float = 1.0) -> Graph:
    """A convolution from x to a, a softmax of a to s and its square to q, and a convolution of a to z.

    The first channel of a is smaller than the others, and counts as much as they do in z.
    """
    random = np.random.default_rng(seed)
    x, z = activation("x", 1, 4, 4, 2), activation("z", 1, 4, 4, 2)
    a, s, q = (activation(name, 1, 4, 4, 3) for name in "asq")
    sizes = np.array([smaller, 1.0, 1.0])
    first = random.normal(0, 2, (3, 1, 1, 2)) * sizes[:, None, None, None]
    last = random.normal(0, 1, (2, 3, 3, 3)) / sizes
    return Graph(
        [x],
        [z, q],
        [
            conv(x, a, first, random.normal(0, 1, 3) * sizes),
            softmax(a, s),
            mul(s, s, q, "q"),
            conv(a, z, last, random.normal(0, 1, 2)),
        ],
    )


def softmax(read: Tensor, made: Tensor) -> Operator:
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    return Operator("SOFTMAX", [read], [made], options, made.name)


def quantizer(graph: Graph) -> Quantizer:
    network = TFLiteNetwork(graph)
    return Quantizer(network, given_samples(pixels(8)), lambda q: TFLiteNetwork(build(q, INT8), network))


@given(seed=st.integers(0, 999), readers=st.sets(st.integers(0, 1), min_size=1))
@settings(max_examples=20, deadline=None)
def test_a_network_with_detours_computes_the_same(seed: int, readers: set[int]) -> None:
    graph = branching(seed)
    made = take_detours(TFLiteNetwork(graph), [Detour("a", tuple(sorted(readers)))]).network
    assert isinstance(made, TFLiteNetwork)
    for feed in pixels(2, seed):
        before, after = run(graph, feed), run(made.graph, feed)
        assert all(np.allclose(after[name], before[name], atol=1e-6) for name in before)


def test_readers_that_take_a_detour_share_its_layer() -> None:
    network = TFLiteNetwork(branching())
    made = take_detours(network, [Detour("a", (0, 1))]).network
    assert [node.kind for node in made.nodes] == ["CONV_2D", "DEPTHWISE_CONV_2D", "SOFTMAX", "MUL", "CONV_2D"]
    assert [node.input(0).name for node in made.nodes] == ["x", "a", "a/detour", "s", "a/detour"]


def test_a_reader_that_holds_small_channels_back_gets_a_detour() -> None:
    graph = branching(smaller=1 / 64)
    assert choose_detours(TFLiteNetwork(graph), measured(TFLiteNetwork(graph), pixels(8))) == (DETOUR,)


def test_channels_that_are_alike_need_no_detour() -> None:
    graph = branching()
    for layer in (graph.operators[0], graph.operators[-1]):
        layer.inputs[1:] = [Tensor.constant(t.name, np.ones(t.shape, np.float32)) for t in layer.inputs[1:] if t]
    assert choose_detours(TFLiteNetwork(graph), measured(TFLiteNetwork(graph), pixels(8))) == ()


def test_where_all_readers_hold_the_channels_no_detour_helps() -> None:
    graph = branching(smaller=1 / 64)
    graph = Graph(graph.inputs, [graph.outputs[1]], graph.operators[:3])
    assert choose_detours(TFLiteNetwork(graph), measured(TFLiteNetwork(graph), pixels(8))) == ()


def test_a_name_is_not_given_to_two_activations() -> None:
    graph = branching(smaller=1 / 64)
    graph.operators[-1].output.name = "a/detour"
    with pytest.raises(CannotError, match="an activation is called 'a/detour' already"):
        take_detours(TFLiteNetwork(graph), [DETOUR])
    assert choose_detours(TFLiteNetwork(graph), measured(TFLiteNetwork(graph), pixels(8))) == ()


def test_vectors_get_no_detour() -> None:
    x, z = activation("x", 1, 2), activation("z", 1, 2)
    a, s = activation("a", 1, 2), activation("s", 1, 2)
    network = TFLiteNetwork(Graph([x], [z], [mul(x, x, a, "a"), softmax(a, s), mul(a, s, z, "z")]))
    with pytest.raises(CannotError, match="'a' is not a map of features"):
        take_detours(network, [DETOUR])


def test_detours_are_proposed_where_one_scale_is_equalized_alone() -> None:
    made = quantizer(branching(smaller=1 / 64))
    assert made.propose(EQUALIZED, PLAIN, Proposal.DETOURS).detours == (DETOUR,)
    assert made.propose(PER_TENSOR, PLAIN, Proposal.DETOURS).detours == ()


def test_a_detour_lets_small_channels_count() -> None:
    graph, feeds = branching(smaller=1 / 64), pixels(8)
    exact = np.concatenate([run(graph, feed)["z"] for feed in feeds])

    def error(recipe: Recipe) -> float:
        integer = build(quantizer(graph).quantize(recipe, PLAIN).quantized, INT8)
        read, made = integer.inputs[0].quantization, integer.outputs[0].quantization
        assert read is not None
        assert made is not None
        codes = [np.clip(np.rint(f["x"] / read.scale) + read.zero_point, -128, 127).astype(np.int8) for f in feeds]
        found = np.concatenate(
            [run(integer, {integer.inputs[0].name: each})[integer.outputs[0].name] for each in codes]
        )
        return float(np.square((found.astype(float) - made.zero_point) * made.scale - exact).mean())

    assert error(replace(EQUALIZED, detours=(DETOUR,))) < error(EQUALIZED) / 4


def test_a_recipe_with_detours_that_was_saved_gives_the_same_bytes() -> None:
    graph = branching(smaller=1 / 64)

    def made(recipe: Recipe) -> bytes:
        outcome = quantizer(graph).quantize(recipe, PLAIN)
        assert not outcome.dropped
        assert outcome.facts["taking detours"]["activations"] == ["a"]  # type: ignore[index, call-overload]
        return encode(build(outcome.quantized, INT8))

    recipe = replace(EQUALIZED, detours=(DETOUR,))
    assert made(from_toml(to_toml(recipe))) == made(recipe)


def test_where_distributions_are_measured_on_a_twin_channels_get_the_same_factors() -> None:
    network = TFLiteNetwork(branching(smaller=1 / 64))
    material = measure(network, given_samples(pixels(8)))
    recipe = replace(EQUALIZED, detours=(DETOUR,))
    keys = {
        Tuner(replace(material, measured=twin)).apply(recipe, CODES).network.key
        for twin in (network, network.with_constants({}))
    }
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("detour", "told"),
    [
        (Detour("aa", (0,)), "'aa'"),
        (Detour("a", (0, 2)), "[0, 2] of 'a', which has 2"),
        (Detour("a", ()), "[] of 'a', which has 2"),
        (Detour("a", (0, 0)), "[0, 0] of 'a', which has 2"),
    ],
)
def test_detours_of_another_network_are_refused(detour: Detour, told: str) -> None:
    with raises_error("recipe-misfit", "detours", told):
        quantizer(branching()).quantize(replace(EQUALIZED, detours=(detour,)), PLAIN)


def test_what_nothing_was_measured_of_is_left_as_it_is() -> None:
    outcome = quantizer(branching()).quantize(replace(EQUALIZED, detours=(Detour("s", (0,)),)), PLAIN)
    assert outcome.dropped == ("taking detours was left out: nothing was measured of 's' itself",)

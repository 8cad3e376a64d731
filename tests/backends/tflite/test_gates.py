from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

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
from dlpuconv.quantization.sites import Gate, Proposal
from dlpuconv.quantization.techniques.gate_choice import choose_gates
from dlpuconv.quantization.techniques.gates import scale_gates
from dlpuconv.quantization.techniques.tuning import Tuner
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor, encode
from dlpuconv_backends.flatbuffer.edit import add, bounded, mul, scalar, unary
from dlpuconv_backends.tflite.emission import build
from dlpuconv_backends.tflite.network import TFLiteNetwork
from tests.backends.tflite.models import INT8, PER_TENSOR, PLAIN, activation, run
from tests.backends.tflite.networks import RELU6, conv
from tests.quantization.support import given as given_samples
from tests.quantization.support import measured

if TYPE_CHECKING:
    from dlpuconv.quantization import Recipe

FORMS = ["hard-swish", "silu", "spelled", "bounded"]


def gated(form: str, seed: int = 0, channels: int = 3) -> Graph:
    """A convolution from x to a, its gated form y, and a convolution to z."""
    random = np.random.default_rng(seed)
    x, z = activation("x", 1, 4, 4, 2), activation("z", 1, 4, 4, 2)
    a, y = (activation(name, 1, 4, 4, channels) for name in "ay")
    return Graph(
        [x],
        [z],
        [
            conv(x, a, random.normal(0, 6, (channels, 1, 1, 2)), random.normal(0, 2, channels)),
            *spelled(form, a, y),
            conv(y, z, random.normal(0, 1, (2, 3, 3, channels)), random.normal(0, 1, 2)),
        ],
    )


def spelled(form: str, a: Tensor, y: Tensor) -> list[Operator]:
    """Y = a g(a)."""
    if form == "hard-swish":
        return [Operator("HARD_SWISH", [a], [y], schema.HardSwishOptionsT(), "y")]
    g = activation("g", *a.shape)
    if form == "silu":
        return [unary("LOGISTIC", a, g, "g"), mul(a, g, y, "y")]
    s = activation("s", *a.shape)
    if form == "bounded":
        m = activation("m", *a.shape)
        return [bounded("MAXIMUM", a, scalar("low", -3.0), m, "m"), *spelled("spelled", m, y)]
    return [add(a, scalar("three", 3.0), s, "s", RELU6), mul(s, scalar("sixth", 1 / 6), g, "g"), mul(a, g, y, "y")]


def pixels(seed: int, count: int = 4) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    return [{"x": random.normal(0, 1, (1, 4, 4, 2)).astype(np.float32)} for _ in range(count)]


@given(
    form=st.sampled_from(FORMS),
    seed=st.integers(0, 999),
    steps=st.lists(st.integers(-24, 24), min_size=3, max_size=3),
)
@settings(max_examples=30, deadline=None)
def test_a_network_with_other_factors_at_its_gates_computes_the_same(form: str, seed: int, steps: list[int]) -> None:
    graph, feeds = gated(form, seed), pixels(seed)
    network = TFLiteNetwork(graph)
    made = scale_gates(network, [Gate("y", tuple(steps))], measured(TFLiteNetwork(graph), feeds)).network
    assert isinstance(made, TFLiteNetwork)
    for feed in feeds:
        exact = run(graph, feed)["z"]
        assert np.allclose(run(made.graph, feed)["z"], exact, atol=1e-4 * max(np.abs(exact).max(), 1.0))


@pytest.mark.parametrize(
    ("form", "kinds"),
    [
        ("hard-swish", ["CONV_2D", "DEPTHWISE_CONV_2D", "MUL", "CONV_2D"]),
        ("silu", ["CONV_2D", "DEPTHWISE_CONV_2D", "LOGISTIC", "MUL", "CONV_2D"]),
        ("spelled", ["CONV_2D", "DEPTHWISE_CONV_2D", "MUL", "MUL", "CONV_2D"]),
        ("bounded", ["CONV_2D", "DEPTHWISE_CONV_2D", "MUL", "MUL", "CONV_2D"]),
    ],
)
def test_a_gate_gets_a_depthwise_layer_and_no_other_operator(form: str, kinds: list[str]) -> None:
    made, _ = (network := TFLiteNetwork(gated(form))).with_gates(list(network.gates()))
    assert [node.kind for node in made.nodes] == kinds


@pytest.mark.parametrize("form", ["spelled", "bounded"])
def test_factors_reach_the_product_of_a_gate_that_is_spelled_out(form: str) -> None:
    graph = gated(form)
    details = measured(TFLiteNetwork(graph), pixels(3))
    made = scale_gates(TFLiteNetwork(graph), [Gate("y", (0, 8, 16))], details)
    factors = made.details.channels["y"][:, 1] / details.channels["y"][:, 1]
    assert np.allclose(factors, [1.0, 127 / 64, 127 / 32])
    assert made.details.channels["a"][:, 1] == pytest.approx(details.channels["a"][:, 1] * factors)


@pytest.mark.parametrize("bound", [-3.0, -2.0])
def test_a_maximum_takes_no_part_in_a_gate_only_where_that_is_closed_below_it(bound: float) -> None:
    graph = gated("bounded")
    graph.operators[1].inputs[1] = scalar("low", bound)
    (x,) = TFLiteNetwork(graph).gates().values()
    assert x.name == ("a" if bound == -3.0 else "m")


def test_a_maximum_takes_no_part_in_a_gate_that_lets_something_through_below_it() -> None:
    graph = gated("bounded")
    _, _, _, scaled, product, _ = graph.operators
    opened = activation("opened", *scaled.output.shape)
    graph.operators.insert(4, add(scaled.output, scalar("one", 1.0), opened, "opened"))
    product.inputs[product.inputs.index(scaled.output)] = opened
    assert [x.name for x in TFLiteNetwork(graph).gates().values()] == ["m"]


@pytest.mark.parametrize("reader", ["another node", "the application"])
def test_a_maximum_that_others_read_stays(reader: str) -> None:
    graph = gated("bounded")
    m = graph.operators[1].output
    if reader == "another node":
        graph.operators.append(unary("ABS", m, activation("b", *m.shape), "b"))
    else:
        graph.outputs.append(m)
    assert [x.name for x in TFLiteNetwork(graph).gates().values()] == ["m"]


def test_factors_reach_the_product_and_what_the_gate_reads_stays() -> None:
    graph, feeds = gated("silu"), pixels(3)
    network = TFLiteNetwork(graph)
    details = measured(TFLiteNetwork(graph), feeds)
    made = scale_gates(network, [Gate("y", (0, 8, 16))], details)
    for name in "ay":
        factors = made.details.channels[name][:, 1] / details.channels[name][:, 1]
        assert np.allclose(factors, [1.0, 127 / 64, 127 / 32])  # 1, 2 and 4 in whole steps of 1 / 127
    first, gate = (node.layer for node in made.network.nodes[:2])
    assert first is not None
    assert first.weights is not None
    assert gate is not None
    assert gate.weights is not None
    assert np.allclose(gate.weights.reshape(-1), [1, 64 / 127, 32 / 127])
    assert made.ranges.keys() == {"y_gate"}
    before = network.nodes[0].layer
    assert before is not None
    assert before.weights is not None
    assert np.allclose(first.weights[1], before.weights[1] * 127 / 64)


def test_a_hard_swish_takes_its_sixth_from_the_layer_in_front() -> None:
    graph = gated("hard-swish")
    details = measured(TFLiteNetwork(graph), pixels(1))
    made = scale_gates(TFLiteNetwork(graph), [Gate("y", (0, 0, 0))], details)
    assert np.allclose(made.details.channels["a"][:, 1], details.channels["a"][:, 1] / 6)
    assert np.array_equal(made.details.channels["y"], details.channels["y"])


@pytest.mark.parametrize(("form", "divisor"), [("hard-swish", 6), ("bounded", 1)])
def test_what_lies_below_the_edge_of_a_gate_needs_no_codes(form: str, divisor: int) -> None:
    graph = gated(form)
    details = measured(TFLiteNetwork(graph), pixels(1, 20))
    made = scale_gates(TFLiteNetwork(graph), [Gate("y", (0, 0, 8))], details)
    assert details.range_of("a").low < -3.0
    assert made.details.channels["a"][:, 0] == pytest.approx(
        np.maximum(details.channels["a"][:, 0], -3.0) * np.array([1, 1, 127 / 64]) / divisor
    )


@pytest.mark.parametrize("form", ["hard-swish", "silu", "bounded"])
def test_a_gate_that_has_a_layer_of_its_own_already_is_scaled_as_if_it_got_it_now(form: str) -> None:
    network, feeds = TFLiteNetwork(gated(form)), pixels(2, 20)
    separate, divided = network.with_gates(list(network.gates()))
    assert separate.with_gates(list(separate.gates()))[0].graph.operators == separate.graph.operators
    gate = Gate("y", (0, 8, 16))
    made, wanted = (scale_gates(each, [gate], measured(each, feeds)) for each in (separate, network))
    assert divided == ({"a": 1 / 6} if form == "hard-swish" else {})
    pairs = zip(made.network.nodes, wanted.network.nodes, strict=True)
    layers = [(ours.layer, theirs.layer) for ours, theirs in pairs if ours.layer is not None]
    assert len(layers) == 3
    for ours, theirs in layers:
        assert theirs is not None
        assert np.allclose(ours.weights, theirs.weights, rtol=1e-6)  # type: ignore[arg-type] # they have some
        assert np.allclose(ours.bias, theirs.bias, rtol=1e-6)  # type: ignore[arg-type]
    assert made.details.channels["a"] == pytest.approx(wanted.details.channels["a"], rel=1e-4)  # what is below the edge


def test_a_layer_that_mixes_places_is_no_gates_own() -> None:
    graph = gated("silu")
    network = TFLiteNetwork(graph)
    separate = network.with_gates(list(network.gates()))[0].graph
    (layer,) = (op for op in separate.operators if op.kind == "DEPTHWISE_CONV_2D")
    layer.inputs[1] = Tensor.constant("wide", np.ones((1, 3, 3, 3), np.float32))
    layer.options.padding = 0
    assert not TFLiteNetwork(separate).gates()


def test_a_gate_that_is_not_there_is_refused_by_name() -> None:
    graph = gated("silu")
    with pytest.raises(CannotError, match="no gate 'other'"):
        scale_gates(TFLiteNetwork(graph), [Gate("other", (0, 0, 0))], measured(TFLiteNetwork(graph), pixels(1)))


def test_a_hard_swish_whose_input_others_read_is_no_site() -> None:
    graph = gated("hard-swish")
    a = graph.operators[0].output
    graph.outputs.append(a)
    graph.operators.append(unary("ABS", a, activation("b", 1, 4, 4, 3), "b"))
    assert not TFLiteNetwork(graph).gates()


def test_a_hard_swish_whose_input_leads_out_of_the_network_is_no_site() -> None:
    graph = gated("hard-swish")
    graph.outputs.append(graph.operators[0].output)
    assert not TFLiteNetwork(graph).gates()


@pytest.mark.parametrize("also", ["output", "product"])
def test_what_others_read_below_the_edge_of_a_gate_keeps_its_codes(also: str) -> None:
    graph = gated("silu")
    a, b = graph.operators[0].output, activation("b", 1, 4, 4, 3)
    if also == "product":
        graph.operators.append(conv(graph.inputs[0], b, np.ones((3, 1, 1, 2)), np.zeros(3)))
        graph.operators.append(mul(a, b, activation("c", *b.shape), "c"))
    graph.outputs.append(a if also == "output" else graph.operators[-1].output)
    details = measured(TFLiteNetwork(graph), pixels(1, 20))
    made = scale_gates(TFLiteNetwork(graph), [Gate("y", (0, 0, 0))], details)
    assert details.range_of("a").low < -10
    assert np.array_equal(made.details.channels["a"], details.channels["a"])


@pytest.mark.parametrize("own_layer", [False, True], ids=["direct", "a layer of its own"])
@pytest.mark.parametrize("curve", ["RELU and one", "LOGISTIC and one", "MAXIMUM of -1"])
def test_a_gate_that_never_closes_keeps_its_codes(curve: str, own_layer: bool) -> None:
    graph = gated("silu")
    before, sigmoid, gate, after = graph.operators
    a, g, y = before.output, sigmoid.output, gate.output
    s = activation("s", *a.shape)
    what, _, _ = curve.partition(" ")
    chain = {
        "MAXIMUM": [bounded("MAXIMUM", a, scalar("low", -1.0), g, "g")],
    }.get(what, [unary(what, a, s, "s"), add(s, scalar("one", 1.0), g, "g")])
    graph.operators[:] = [before, *chain, mul(a, g, y, "y"), after]
    network: Any = TFLiteNetwork(graph)
    if own_layer:
        network, _ = network.with_gates(list(network.gates()))
    details = measured(network, pixels(1, 20))
    made = scale_gates(network, [Gate("y", (0, 0, 0))], details)
    assert details.range_of("a").low < -10
    assert np.array_equal(made.details.channels["a"], details.channels["a"])


def test_a_gate_of_what_was_only_moved_is_left_alone() -> None:
    """A scale of its own has only what is moved: nothing is measured of what it becomes."""
    x, c = activation("x", 1, 4, 4, 2), activation("c", 1, 4, 4, 12)
    a, y = (activation(name, 1, 8, 8, 3) for name in "ay")
    options = schema.DepthToSpaceOptionsT()
    options.blockSize = 2
    first = conv(x, c, np.random.default_rng(0).normal(0, 3, (12, 1, 1, 2)), np.zeros(12))
    graph = Graph([x], [y], [first, Operator("DEPTH_TO_SPACE", [c], [a], options, "a"), *spelled("silu", a, y)])
    network, details = TFLiteNetwork(graph), measured(TFLiteNetwork(graph), pixels(1))
    assert [product.name for product in network.gates()] == ["y"]
    assert choose_gates(network, details) == ()
    with pytest.raises(CannotError, match="nothing was measured of what is multiplied in 'y'"):
        scale_gates(network, [Gate("y", (0, 0, 8))], details)


def uneven(smaller: float) -> tuple[Graph, list[dict[str, Any]]]:
    """A SiLU whose third channel is smaller and counts as much as the others."""
    graph = gated("silu", 4)
    first, last = graph.operators[0], graph.operators[-1]
    for index, factors in ((1, [1, 1, smaller]), (2, [1, 1, smaller])):
        first.inputs[index] = scaled(first.input(index), np.reshape(factors, (3, *[1] * (2 - index) * 3)))
    last.inputs[1] = scaled(last.input(1), np.array([1, 1, 1 / smaller]))
    return graph, pixels(4, 40)


def scaled(tensor: Tensor, factors: Any) -> Tensor:
    assert tensor.data is not None
    return Tensor.constant(tensor.name, (tensor.data * factors).astype(np.float32))


def test_a_small_channel_that_counts_gets_a_larger_factor() -> None:
    graph, feeds = uneven(1 / 16)
    (gate,) = choose_gates(TFLiteNetwork(graph), measured(TFLiteNetwork(graph), feeds))
    assert gate.site == "y"
    assert gate.steps[2] > max(gate.steps[:2])


def test_a_channel_that_never_fires_asks_for_no_factor() -> None:
    graph, feeds = uneven(1 / 16)
    first = graph.operators[0]
    for index in (1, 2):
        first.inputs[index] = scaled(first.input(index), np.reshape([0, 0.02, 0.02], (3, *[1] * (2 - index) * 3)))
    details = measured(TFLiteNetwork(graph), feeds)
    assert details.range_of("y").high < 1.0
    (gate,) = choose_gates(TFLiteNetwork(graph), details)
    assert gate.steps[2] > gate.steps[0] == 0


def test_a_gate_that_never_opens_is_left_alone() -> None:
    graph, feeds = gated("hard-swish"), pixels(4)
    first = graph.operators[0]
    first.inputs[1] = scaled(first.input(1), 0)
    first.inputs[2] = Tensor.constant("b", np.full(3, -9, np.float32))
    assert choose_gates(TFLiteNetwork(graph), measured(TFLiteNetwork(graph), feeds)) == ()


def test_where_no_channel_is_small_no_gate_is_worth_its_layer() -> None:
    graph, feeds = gated("silu", 4), pixels(4, 40)
    for index in (1, 2):
        one = graph.operators[0].input(index)
        assert one.data is not None
        graph.operators[0].inputs[index] = Tensor.constant(one.name, np.repeat(one.data[:1], 3, axis=0))
    assert choose_gates(TFLiteNetwork(graph), measured(TFLiteNetwork(graph), feeds)) == ()


def test_a_gate_whose_product_leads_out_of_the_network_is_no_site() -> None:
    graph, feeds = uneven(1 / 16)
    graph.outputs.append(graph.operators[-2].output)
    assert choose_gates(TFLiteNetwork(graph), measured(TFLiteNetwork(graph), feeds)) == ()


@pytest.mark.parametrize("form", ["silu", "bounded"])
def test_a_recipe_with_gates_that_was_saved_gives_the_same_bytes(form: str) -> None:
    graph, feeds = gated(form, 4), pixels(4, 40)

    def made(recipe: Recipe) -> bytes:
        network = TFLiteNetwork(graph)
        quantizer = Quantizer(network, given_samples(feeds), lambda q: TFLiteNetwork(build(q, INT8), network))
        outcome = quantizer.quantize(recipe, PLAIN)
        assert not outcome.dropped
        assert outcome.facts["scaling gates"]["gates"] == ["y"]  # type: ignore[index, call-overload]
        return encode(build(outcome.quantized, INT8))

    recipe = replace(PER_TENSOR, equalize=True, gates=(Gate("y", (0, 3, 21)),))
    assert made(from_toml(to_toml(recipe))) == made(recipe)
    assert made(recipe) != made(replace(recipe, gates=(Gate("y", (0, 0, 0)),)))


@pytest.mark.parametrize(("form", "balance"), [("hard-swish", Balance.WEIGHTS), ("spelled", Balance.NOISE)])
def test_where_distributions_are_measured_on_a_twin_channels_get_the_same_factors(form: str, balance: Balance) -> None:
    network = TFLiteNetwork(gated(form, 2))
    material = measure(network, given_samples(pixels(2, 8)))
    recipe = replace(PER_TENSOR, gates=(Gate("y", (0, 8, 16)),), equalize=True, balance=balance)
    keys = {
        Tuner(replace(material, measured=twin)).apply(recipe, CODES).network.key
        for twin in (network, network.with_constants({}))
    }
    assert len(keys) == 1


def test_gates_let_small_channels_count() -> None:
    """The third channel is 64 times smaller and is read as loud: half of its codes are lost without a gate."""
    graph, feeds = uneven(1 / 64)
    exact = np.concatenate([run(graph, feed)["z"] for feed in feeds])

    def error(recipe: Recipe) -> float:
        network = TFLiteNetwork(graph)
        quantizer = Quantizer(network, given_samples(feeds), lambda q: TFLiteNetwork(build(q, INT8), network))
        wanted = quantizer.propose(recipe, PLAIN, Proposal.GATES) if recipe.gates else recipe
        integer = TFLiteNetwork(build(quantizer.quantize(wanted, PLAIN).quantized, INT8))
        affine = integer.outputs[0].affine
        assert affine is not None
        read = integer.inputs[0].affine
        assert read is not None
        steps = (np.rint(feed["x"] / read.scale) + read.zero_point for feed in feeds)
        codes = ({"x": np.clip(each, -128, 127).astype(np.int8)} for each in steps)
        found = np.concatenate([np.array(v) for out in integer.run(codes, integer.outputs, plain=True) for v in out])
        return float(np.square((found.astype(float) - affine.zero_point) * affine.scale - exact).mean())

    assert error(replace(PER_TENSOR, gates=(Gate("y", ()),))) < error(PER_TENSOR) / 4

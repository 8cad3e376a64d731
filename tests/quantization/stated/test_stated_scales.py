"""What a quantized source states becomes the artifact's, as far as the chip can have it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.ir.affine import INT8, INT16, UINT8, Affine, IntegerType
from dlpuconv.ir.given_scales import GivenScales, StatedScale
from dlpuconv.quantization import BiasCorrection, Recipe, Rounding
from dlpuconv.quantization.quantizer import Quantizer
from dlpuconv.quantization.recipe import Balance, Observer, ScaleOrigin
from dlpuconv.quantization.stated.ledger import Ledger, Refitted
from dlpuconv.scheme import Coding, Granularity
from tests.error_ids import raises_error
from tests.network.numpy_builder import Builder
from tests.network.numpy_integer import realized
from tests.quantization.support import SCHEME, given, samples

if TYPE_CHECKING:
    from dlpuconv.quantization.quantizer import RecipeOutcome
    from dlpuconv.quantization.weights.layer import LayerWeights
    from dlpuconv.scheme import Scheme
    from tests.network.numpy_network import NumpyNetwork

KEEPING = Recipe(granularity=Granularity.PER_TENSOR, scales=ScaleOrigin.SOURCE, bias_correction=BiasCorrection.ANALYTIC)
INT4 = IntegerType(4, signed=True)
CODES = np.array([[3, -127, 20], [8, 1, -64]])
"""Of a dense layer's weights."""


def stated(scale: float, zero_point: int, codes: IntegerType = INT8) -> StatedScale:
    return StatedScale(affine=Affine.of(scale, zero_point), codes=codes)


def along(scales: list[float], zero_points: Any = 0, codes: IntegerType = INT8, axis: int = 0) -> StatedScale:
    return StatedScale(affine=Affine.along(axis, scales, zero_points), codes=codes)


def dense(weights: Any, bias: tuple[float, float] = (0.25, -0.5)) -> NumpyNetwork:
    b = Builder()
    return b.network(b.dense("y", b.input("x", 1, 3), np.asarray(weights, np.float32), np.asarray(bias, np.float32)))


def quantized(
    network: NumpyNetwork, scales: GivenScales, scheme: Scheme = SCHEME, recipe: Recipe = KEEPING, **more: Any
) -> RecipeOutcome:
    material = given(samples(network, 8, low=-1), scales=scales, **more)
    return Quantizer(network, material, realized).quantize(recipe, scheme)


def activations(outcome: RecipeOutcome) -> dict[str, Affine]:
    return {value.name: affine for value, affine in outcome.quantized.plan.scales.items()}


def layer(outcome: RecipeOutcome) -> LayerWeights:
    (found,) = outcome.quantized.layers.values()
    return found


def reasons(outcome: RecipeOutcome) -> list[tuple[str, str, str]]:
    assert outcome.ledger is not None
    return [(each.layer, each.of, each.reason) for each in outcome.ledger.refitted]


def test_unsigned_activations_keep_their_scale_and_count_from_128_less() -> None:
    scales = GivenScales(activations={"x": stated(0.1, 10, UINT8), "y": stated(0.3, 130, UINT8)})
    outcome = quantized(dense(CODES * 0.5), scales)
    assert activations(outcome) == {"x": Affine.of(0.1, -118), "y": Affine.of(0.3, 2)}
    assert outcome.ledger is not None
    assert outcome.ledger.summary == "scales of the source: 2 kept, 0 re-fitted"


@pytest.mark.parametrize("codes", [INT8, UINT8])
def test_weights_keep_their_codes_and_the_bias_its_own(codes: IntegerType) -> None:
    middle = 128 if codes is UINT8 else 0
    scales = GivenScales(
        activations={"x": stated(0.5, 0), "y": stated(0.3, 2)}, weights={"dense_y": stated(0.125, middle, codes)}
    )
    outcome = quantized(named(dense(CODES * 0.125, bias=(0.1875, -0.5))), scales)
    assert layer(outcome).weights.tolist() == CODES.tolist()
    assert layer(outcome).affine == Affine.of(0.125, 0)
    assert layer(outcome).bias is not None
    assert np.asarray(layer(outcome).bias).tolist() == [3, -8]  # in steps of 0.5 * 0.125, uncorrected
    assert outcome.warnings == []


def named(network: NumpyNetwork, name: str = "dense_y") -> NumpyNetwork:
    """The network whose only node is known as the source's."""
    (node,) = network.nodes
    return type(network)(network.inputs, network.outputs, [replace(node, source_name=name)])


def test_weights_of_four_bits_lie_within_eight_under_their_own_scale() -> None:
    codes = np.array([[7, -7, 2], [0, 1, -3]])
    scales = GivenScales(weights={"dense_y": stated(0.5, 0, INT4)})
    outcome = quantized(named(dense(codes * 0.5)), scales)
    assert layer(outcome).weights.tolist() == codes.tolist()


def test_one_scale_for_all_channels_is_kept_where_the_chip_could_have_several() -> None:
    scales = GivenScales(weights={"dense_y": stated(0.125, 0)})
    recipe = replace(KEEPING, granularity=Granularity.PER_CHANNEL)
    outcome = quantized(named(dense(CODES * 0.125)), scales, recipe=recipe)
    assert layer(outcome).affine == Affine.of(0.125, 0)


@pytest.mark.parametrize(
    ("weights", "said", "scheme", "reason"),
    [
        (CODES * 0.125, stated(0.001, 0, INT16), SCHEME, "have 16 bits, and the chip's 8"),
        (
            CODES * [[0.125], [0.5]],
            along([0.125, 0.5]),
            SCHEME,
            "have a scale for each channel, by the source or a folded normalization, and the chip's one",
        ),
        (
            CODES * 0.13,
            stated(0.125, 0),
            SCHEME,
            "were changed by a rewrite, and are not codes of the stated scale",
        ),
        (
            [[0.125, -25, 0.125], [12.5, 12.5, 12.5]],
            stated(0.125, 0),
            SCHEME,
            "have codes from -200 to 127, too far outside of the chip's, from -127 to 127",
        ),
        (
            CODES * 0.13,
            stated(0.13, 0),
            replace(SCHEME, weight_codes=Coding(symmetric=True, power_of_two=True)),
            "have a scale that is not a power of two",
        ),
        (CODES * 1e-12, stated(1e-12, 0), SCHEME, "have a scale with which sums could leave 32 bits"),
        (CODES * 1e-30, stated(1e-30, 0), SCHEME, "have a scale with which sums could leave 32 bits"),
    ],
)
def test_weights_that_a_chip_cannot_have_are_fitted_anew_and_told_with_the_reason(
    weights: Any, said: StatedScale, scheme: Scheme, reason: str
) -> None:
    outcome = quantized(named(dense(weights)), GivenScales(weights={"dense_y": said}), scheme)
    ((title, of, why),) = reasons(outcome)
    assert (title, of) == ("dense_y", "weights")
    assert why.startswith(reason)
    (warning,) = [text for text in outcome.warnings if "re-fitted" in text]
    assert warning.startswith("scales of the source: 0 kept, 1 re-fitted, 2 not stated: weights of dense_y ")


def test_a_lowest_code_that_the_chip_lacks_becomes_the_next_one_and_all_others_stay() -> None:
    codes = np.array([[-128, 127, 20], [8, 1, -64]])
    outcome = quantized(named(dense(codes * 0.125)), GivenScales(weights={"dense_y": stated(0.125, 0)}))
    assert layer(outcome).affine == Affine.of(0.125, 0)
    assert layer(outcome).weights.tolist() == [[-127, 127, 20], [8, 1, -64]]
    ((_, _, why),) = reasons(outcome)
    assert why == "have codes from -128 to 127, and get the nearest of the chip's, from -127 to 127"


def test_codes_less_the_zero_point_that_a_chip_lacks_are_kept_where_it_has_all_of_them() -> None:
    said = stated(0.125, 131, UINT8)  # 3 more than the middle
    outcome = quantized(named(dense(CODES * 0.125)), GivenScales(weights={"dense_y": said}))
    assert layer(outcome).weights.tolist() == CODES.tolist()
    assert layer(outcome).affine == Affine.of(0.125, 0)
    assert reasons(outcome) == []


@pytest.mark.parametrize(("others", "kept"), [(1, True), (20, False)])
def test_a_weight_that_lies_beyond_saturates_where_another_scale_would_be_worse_for_the_channels(
    others: int, kept: bool
) -> None:
    # 131 becomes 127: 16 steps squared of 131 * 131 + 2, .00093. By a scale of 131/127 steps, each weight is off by
    # 1.064 / 12 squared: that channel by .00002, and one of three weights by .0887 / others squared: .0887, or .00022
    codes = np.array([[131, 1, -1], [others, others, -others]])
    said = GivenScales(weights={"dense_y": stated(0.125, 120, UINT8)})
    outcome = quantized(named(dense(codes * 0.125)), said)
    assert (layer(outcome).affine == Affine.of(0.125, 0)) is kept
    assert layer(outcome).weights[0, 0] == 127
    ((_, _, why),) = reasons(outcome)
    assert why.startswith(
        "have codes from -127 to 131, and get the nearest" if kept else "have codes from -127 to 131, too"
    )


def test_scales_for_each_channel_are_kept_where_the_chip_has_them() -> None:
    scales = GivenScales(weights={"conv": along([0.125, 0.5])})
    b = Builder()
    rows = (CODES * [[0.125], [0.5]]).reshape(2, 1, 1, 3)
    network = named(b.network(b.conv("y", b.input("x", 1, 2, 2, 3), rows.astype(np.float32), np.zeros(2))), "conv")
    outcome = quantized(network, scales, recipe=replace(KEEPING, granularity=Granularity.PER_CHANNEL))
    assert layer(outcome).weights.reshape(2, 3).tolist() == CODES.tolist()
    assert layer(outcome).affine.scales == (0.125, 0.5)


@pytest.mark.parametrize("spread", [np.repeat, np.tile])
def test_scales_that_several_rows_share_are_kept_for_each_of_them(spread: Any) -> None:
    rows = np.array([[1, -127, 3], [4, 5, 66], [7, 88, 9], [-99, 11, 12]])
    scales = spread([0.125, 0.3], 2).astype(np.float32)
    weights = (rows * scales[:, None]).astype(np.float32).reshape(4, 1, 1, 3)
    b = Builder()
    network = named(b.network(b.conv("y", b.input("x", 1, 2, 2, 3), weights, np.zeros(4))), "conv")
    said = GivenScales(weights={"conv": along([0.125, 0.3], axis=1)})
    outcome = quantized(network, said, recipe=replace(KEEPING, granularity=Granularity.PER_CHANNEL))
    assert layer(outcome).affine == Affine.along(0, scales)
    assert layer(outcome).weights.reshape(4, 3).tolist() == rows.tolist()


def test_a_channel_of_zeros_gets_a_wider_scale_where_its_own_has_no_room_for_the_bias() -> None:
    b = Builder()
    rows = np.array([[1, 2, 3], [0, 0, 0]], np.float32).reshape(2, 1, 1, 3)
    made = b.conv("y", b.input("x", 1, 2, 2, 3), rows, np.array([0, 9], np.float32))
    scales = GivenScales(weights={"conv": along([1.0, 1e-20])})
    outcome = quantized(
        named(b.network(made), "conv"), scales, recipe=replace(KEEPING, granularity=Granularity.PER_CHANNEL)
    )
    assert reasons(outcome) == []
    assert layer(outcome).affine.scales[0] == 1.0
    assert layer(outcome).affine.scales[1] > 1e-12


@pytest.mark.parametrize(
    ("said", "coding", "reason"),
    [
        (stated(0.001, 0, INT16), Coding(), "has 16 bits, and the chip 8"),
        (stated(1.0, -2, INT4), Coding(), "has 4 bits, and the chip 8"),
        (stated(1e-30, 5), Coding(), "is too small or too large for the kernels' multipliers"),
        (stated(0.1, 5), Coding(symmetric=True), "has a zero point, and the chip none"),
        (stated(0.1, 0), Coding(power_of_two=True), "is no power of two"),
        (stated(0.1, 0), Coding(reduce_range=True), "uses all codes, of which the chip leaves half"),
    ],
)
def test_activations_that_a_chip_cannot_have_keep_their_range(said: StatedScale, coding: Coding, reason: str) -> None:
    scheme = replace(SCHEME, activation_codes=coding)
    outcome = quantized(dense(CODES * 0.01), GivenScales(activations={"x": said}), scheme)
    assert reasons(outcome) == [("x", "activation", reason)]
    low = said.affine.scale * (said.codes.lowest - said.affine.zero_point)
    held = activations(outcome)["x"]
    assert held.scale * (coding.lowest - held.zero_point) == pytest.approx(low, rel=0.02, abs=held.scale)


def test_activations_of_a_scale_that_no_kernel_can_multiply_with_are_refused() -> None:
    scales = GivenScales(activations={"y": stated(1e30, 0)})
    with raises_error("operator-range-too-wide"):
        quantized(dense(CODES * 0.01), scales)


def test_what_a_kernel_prescribes_wins_and_is_told() -> None:
    b = Builder()
    network = b.network(b.curve("y", b.input("x", 1, 4), "sigmoid"))
    outcome = quantized(network, GivenScales(activations={"x": stated(0.05, 0), "y": stated(0.003, -128)}))
    assert activations(outcome)["y"] == Affine.of(1 / 256, -128)
    assert reasons(outcome) == [("y", "activation", "needs the one scale that its kernel computes with")]


def test_a_scale_that_a_kernel_prescribes_anyway_is_kept() -> None:
    b = Builder()
    network = b.network(b.curve("y", b.input("x", 1, 4), "sigmoid"))
    outcome = quantized(network, GivenScales(activations={"x": stated(0.05, 0), "y": stated(1 / 256, 0, UINT8)}))
    assert outcome.ledger is not None
    assert (outcome.ledger.kept, outcome.ledger.refitted) == (2, ())


def test_an_activation_that_the_source_quantizes_twice_is_listed_beside_those_that_are_kept() -> None:
    said = {"x": stated(0.1, 10, UINT8), "y": stated(0.3, 130, UINT8)}
    outcome = quantized(dense(CODES * 0.5), GivenScales(activations=said, several=frozenset({"y"})))
    assert activations(outcome)["y"] == Affine.of(0.3, 2)
    told = "is quantized with several scales, of which the file has the one of the widest range"
    assert reasons(outcome) == [("y", "activation", told)]


def test_an_activation_that_has_two_reasons_for_another_scale_is_listed_once() -> None:
    b = Builder()
    network = b.network(b.curve("y", b.input("x", 1, 4), "sigmoid"))
    said = {"x": stated(0.05, 0), "y": stated(0.003, -128)}
    outcome = quantized(network, GivenScales(activations=said, several=frozenset({"y"})))
    assert reasons(outcome) == [("y", "activation", "needs the one scale that its kernel computes with")]


def test_moved_values_of_another_scale_are_read_requantized() -> None:
    b = Builder()
    x = b.input("x", 1, 4, 4, 2)
    network = b.network(b.max_pool("m", x, 2))
    outcome = quantized(network, GivenScales(activations={"x": stated(0.1, 0), "m": stated(0.05, 7)}))
    assert activations(outcome) == {"x": Affine.of(0.1, 0), "m": Affine.of(0.05, 7)}
    (((node, index), affine),) = outcome.quantized.plan.requantized.items()
    assert (node.output.name, index, affine) == ("m", 0, Affine.of(0.05, 7))


def test_values_that_only_move_share_a_scale_that_is_stated_at_either_end() -> None:
    b = Builder()
    x = b.input("x", 1, 4, 4, 2)
    network = b.network(b.reshape("r", b.max_pool("m", x, 2), 1, 8))
    for name in ("x", "m", "r"):
        outcome = quantized(network, GivenScales(activations={name: stated(0.1, 3)}), measures=False)
        assert set(activations(outcome).values()) == {Affine.of(0.1, 3)}
        assert outcome.quantized.plan.requantized == {}


def test_joined_parts_keep_their_scales_and_are_read_in_that_of_the_whole() -> None:
    b = Builder()
    x = b.input("x", 1, 4)
    one, other = b.curve("one", x, "hard-swish"), b.curve("other", x, "hard-swish")
    network = b.network(b.concat("both", [one, other], 1))
    said = {"x": stated(0.1, 0), "one": stated(0.2, 1), "other": stated(0.3, 2), "both": stated(0.3, 2)}
    outcome = quantized(network, GivenScales(activations=said))
    assert activations(outcome) == {name: each.affine for name, each in said.items()}
    assert [(node.output.name, index) for node, index in outcome.quantized.plan.requantized] == [("both", 0)]


def test_of_several_values_that_one_stands_for_the_last_ones_scale_counts() -> None:
    network = dense(CODES * 0.01)
    (node,) = network.nodes
    fused = replace(node, outputs=(replace(node.output, source_names=("sum", "relu")),))
    network = type(network)(network.inputs, fused.outputs, [fused])
    said = {"sum": stated(0.5, 0), "relu": stated(0.25, -128)}
    assert activations(quantized(network, GivenScales(activations=said)))["y"] == Affine.of(0.25, -128)
    inside = quantized(network, GivenScales(activations=said, several=frozenset({"sum"})))
    assert reasons(inside) == [], "the file has no scale of what is inside a layer"


def test_what_is_not_stated_is_measured_on_samples_and_counted() -> None:
    outcome = quantized(dense(CODES * 0.01), GivenScales(activations={"x": stated(0.1, 0)}))
    assert outcome.ledger is not None
    assert outcome.ledger.measured == ("y",)
    assert activations(outcome)["y"].scale > 0


def test_without_samples_all_layers_that_state_no_scale_are_named_together() -> None:
    b = Builder()
    x = b.input("x", 1, 4)
    network = b.network(b.curve("b", b.curve("a", x, "hard-swish"), "hard-swish"))
    with raises_error("calibration-scales-incomplete", "2 activations", "a, b"):
        quantized(network, GivenScales(activations={"x": stated(0.1, 0)}), measures=False)


def test_learned_rounding_leaves_the_codes_of_the_source_alone() -> None:
    b = Builder()
    random = np.random.default_rng(3)
    hidden = b.dense("h", b.input("x", 1, 3), (CODES * 0.01).astype(np.float32), np.zeros(2, np.float32))
    network = b.network(b.dense("y", hidden, random.normal(0, 1, (4, 2)).astype(np.float32), np.zeros(4, np.float32)))
    first, second = (replace(node, source_name=node.output.name) for node in network.nodes)
    network = type(network)(network.inputs, network.outputs, [first, second])
    scales = GivenScales(weights={"h": stated(0.01, 0), "y": stated(0.5, 3)})
    outcome = quantized(network, scales, recipe=replace(KEEPING, rounding=Rounding.LEARNED))
    nearest = quantized(network, scales)
    assert outcome.quantized.layers[first].weights.tolist() == CODES.tolist()
    assert outcome.quantized.layers[first].bias is not None
    assert np.array_equal(outcome.quantized.layers[first].bias, nearest.quantized.layers[first].bias)  # type: ignore[arg-type]
    assert not np.array_equal(outcome.quantized.layers[second].bias, nearest.quantized.layers[second].bias)  # type: ignore[arg-type]


def test_another_recipe_does_not_look_at_what_is_stated() -> None:
    recipe = Recipe(granularity=Granularity.PER_TENSOR)
    outcome = quantized(dense(CODES * 0.01), GivenScales(activations={"x": stated(0.1, 0)}), recipe=recipe)
    assert outcome.ledger is None
    assert activations(outcome)["x"] != Affine.of(0.1, 0)


def two_layers(second: float) -> tuple[NumpyNetwork, GivenScales]:
    """A layer whose weights have a scale for each channel, and one that has one scale, of weights `second` times it."""
    b = Builder()
    rows = np.array([[100, 30, -7], [90, 10, 3]]).reshape(2, 1, 1, 3)
    a = b.conv("a", b.input("x", 1, 2, 2, 3), (rows * [[[[1.0]]], [[[0.01]]]]).astype(np.float32), np.zeros(2))
    network = b.network(b.conv("y", a, np.array([[[[3.0 * second, 100.0 * second]]]], np.float32), np.zeros(1)))
    nodes = [replace(node, source_name=node.output.name) for node in network.nodes]
    scales = GivenScales(
        activations={"x": stated(0.01, 0), "a": stated(1.0, 0), "y": stated(2.0, 0)},
        weights={"a": along([1.0, 0.01]), "y": stated(1.0, 0)},
    )
    return type(network)(network.inputs, network.outputs, nodes), scales


def test_several_activations_are_told_of_as_each_of_them() -> None:
    one, other = (Refitted(layer=layer, of="activation", reason="has 16 bits") for layer in "ab")
    weights = [Refitted(layer=layer, of="weights", reason="have 16 bits") for layer in "ab"]
    assert Ledger(kept=0, refitted=(one, *weights), measured=()).told() == [
        "activation of a has 16 bits",
        "weights of a, b have 16 bits",
    ]
    assert Ledger(kept=0, refitted=(one, other), measured=()).told() == ["each activation of a, b has 16 bits"]


EQUALIZED = replace(KEEPING, equalize=True, balance=Balance.NOISE)


def test_activations_between_weights_that_are_fitted_anew_are_equalized_where_the_recipe_says_so() -> None:
    network, scales = two_layers(second=1.3)
    outcome = quantized(network, scales, recipe=EQUALIZED)
    told = {(of, layer): why for layer, of, why in reasons(outcome)}
    assert set(told) == {("weights", "a"), ("weights", "y"), ("activation", "a")}
    assert told["activation", "a"].startswith("has channels that equalization scaled")
    assert activations(outcome)["x"] == Affine.of(0.01, 0)
    assert activations(outcome)["a"] != Affine.of(1.0, 0)
    assert outcome.ledger is not None
    assert outcome.ledger.measured == ()


def test_equalization_leaves_weights_that_are_kept_and_the_scales_beside_them() -> None:
    network, scales = two_layers(second=1.0)
    outcome = quantized(network, scales, recipe=EQUALIZED)
    assert [(layer, of) for layer, of, _ in reasons(outcome)] == [("a", "weights")]
    assert activations(outcome)["a"] == Affine.of(1.0, 0)


def test_without_samples_channels_that_are_scaled_for_the_weights_lie_within_the_stated_range() -> None:
    b = Builder()
    hidden = b.dense("h", b.input("x", 1, 2), np.diag([1.0, 0.01]).astype(np.float32), np.zeros(2, np.float32))
    network = b.network(b.dense("y", hidden, np.array([[1.0, 100.0]], np.float32), np.zeros(1, np.float32)))
    scales = GivenScales(
        activations={"x": stated(1 / 128, 0), "h": stated(1 / 64, 0), "y": stated(1 / 32, 0)},
        weights={"h": along([1 / 127, 0.01 / 127])},
    )
    recipe = replace(KEEPING, equalize=True, observer=Observer.MINMAX)
    outcome = quantized(network, scales, recipe=recipe, evidence=0, measures=False)
    kept = activations(outcome)
    assert (kept["x"], kept["y"]) == (Affine.of(1 / 128, 0), Affine.of(1 / 32, 0))
    assert "h" in outcome.tuned.scaled
    made = outcome.tuned.network.nodes[0].layer
    assert made is not None
    assert made.weights is not None
    first, second = made.weights.diagonal()
    fed = np.concatenate([feed["x"] for feed in samples(network, 8, low=-1)])
    width = np.ptp(np.append(fed[:, 0], 0.0))  # of the first channel, which is the wider one by far
    further = 2 * (2 + 127 / 64) / width  # as far as is stated, and as much again
    low, high = fed[:, 1].min() * second * further, fed[:, 1].max() * second * further
    assert kept["h"].scale * 255 == pytest.approx(max(-low, 2 * first) + max(high, first * 127 / 64), rel=0.01)

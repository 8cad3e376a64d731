from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.quantization import BiasCorrection, Observer, Rounding
from dlpuconv.quantization.budget import affordable_samples
from dlpuconv.quantization.quantize import Quantized, quantize
from dlpuconv.quantization.stated.weights import StatedWeights
from dlpuconv.quantization.techniques import learned_rounding
from dlpuconv.quantization.techniques.learned_rounding import learn, left_nearest
from dlpuconv.scheme import Coding, Granularity
from tests.network.numpy_builder import Builder
from tests.network.numpy_integer import realized
from tests.quantization.support import PER_TENSOR, SCHEME, samples
from tests.quantization.techniques.networks import separable
from tests.quantization.techniques.tuned import as_measured, errors

if TYPE_CHECKING:
    from dlpuconv.quantization.recipe import Recipe
    from tests.network.numpy_network import NumpyNetwork

LEARNED = replace(PER_TENSOR, observer=Observer.MINMAX, rounding=Rounding.LEARNED)
ANALYTIC = replace(LEARNED, rounding=Rounding.NEAREST, bias_correction=BiasCorrection.ANALYTIC)


def network() -> NumpyNetwork:
    """Reads many channels that go together, with weights of a few codes: one large one takes the scale."""
    random = np.random.default_rng(1)
    first, middle = random.random((16, 2)), random.normal(size=(16, 3, 3, 1))
    last = random.normal(size=(4, 16)) * 0.05
    last[:, 0] = 3.0
    return separable(first, np.full(16, 0.1), np.abs(middle) * 0.2, last)


NETWORK = network()


def nearest(given: NumpyNetwork, recipe: Recipe = LEARNED) -> Quantized:
    return quantize(as_measured(given, samples(given, 24)), recipe, SCHEME)


def learned(given: NumpyNetwork, recipe: Recipe = LEARNED, count: int = 24) -> Quantized:
    found = nearest(given, recipe)
    return replace(found, layers=learn(found, realized, samples(given, count)))


def squared_error(given: NumpyNetwork, made: Quantized, seed: int = 9) -> float:
    return float(np.square(errors(given, made, samples(given, 24, seed=seed))).mean())


def kept(given: NumpyNetwork) -> list[bool]:
    """For each layer, whether its codes are the nearest ones."""
    pairs = zip(nearest(given).layers.values(), learned(given).layers.values(), strict=True)
    return [np.array_equal(one.weights, other.weights) for one, other in pairs]


def test_the_output_comes_closer_to_the_source_than_with_nearest_codes_and_corrected_biases() -> None:
    assert squared_error(NETWORK, learned(NETWORK)) < 0.7 * squared_error(NETWORK, nearest(NETWORK, ANALYTIC))


def test_it_is_never_worse_on_the_samples_that_it_learned_from() -> None:
    assert squared_error(NETWORK, learned(NETWORK), seed=0) < squared_error(NETWORK, nearest(NETWORK), seed=0)


def test_no_error_is_left_on_average() -> None:
    fresh = samples(NETWORK, 24, seed=9)
    plain = np.abs(errors(NETWORK, nearest(NETWORK), fresh).mean(axis=(0, 1))).max()
    assert np.abs(errors(NETWORK, learned(NETWORK), fresh).mean(axis=(0, 1))).max() < 0.2 * plain


def test_two_samples_that_saturate_spoil_nothing_for_the_others() -> None:
    start, feeds = nearest(NETWORK), samples(NETWORK, 24)
    feeds[5], feeds[10] = samples(NETWORK, 2, seed=5, high=10)
    made = replace(start, layers=learn(start, realized, feeds))
    assert squared_error(NETWORK, made) < 0.5 * squared_error(NETWORK, start)


def test_scales_and_activations_stay_as_they_are() -> None:
    before, after = nearest(NETWORK), learned(NETWORK)
    assert after.plan.scales == before.plan.scales
    for one, other in zip(before.layers.values(), after.layers.values(), strict=True):
        assert one.affine == other.affine
    assert not all(kept(NETWORK))


@pytest.mark.parametrize("granularity", Granularity)
def test_the_given_network_is_left_as_it_was_and_the_same_codes_come_again(granularity: Granularity) -> None:
    before = NETWORK.key
    recipe = replace(LEARNED, granularity=granularity)
    first, again = (realized(learned(NETWORK, recipe)).key for _ in range(2))
    assert first == again
    assert NETWORK.key == before


def test_one_sample_is_enough() -> None:
    assert np.isfinite(squared_error(NETWORK, learned(NETWORK, count=1)))


def wide_network(channels: int) -> NumpyNetwork:
    """A layer whose output reads 9 times `channels` values."""
    b, random = Builder(), np.random.default_rng(2)
    a = b.conv("a", b.input("x", 1, 4, 4, 2), random.normal(size=(channels, 3, 3, 2)), np.zeros(channels))
    return b.network(b.conv("y", a, random.normal(size=(1, 3, 3, channels)), np.zeros(1)))


def test_long_rows_are_learned_strip_by_strip(monkeypatch: pytest.MonkeyPatch) -> None:
    given = wide_network(24)
    whole = squared_error(given, learned(given))
    monkeypatch.setattr(learned_rounding, "_LONGEST_STRIP", 60)
    strips = squared_error(given, learned(given))
    assert max(whole, strips) < squared_error(given, nearest(given, ANALYTIC))


def test_strips_hold_every_input_once_and_none_is_too_long() -> None:
    strips = learned_rounding._strips(5000)
    assert [n for strip in strips for n in range(strip.start, strip.stop)] == list(range(5000))
    assert max(strip.stop - strip.start for strip in strips) <= 2304
    assert learned_rounding._strips(1) == [slice(0, 1)]


def test_a_layer_of_too_many_weights_keeps_its_nearest_codes_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned_rounding, "_MOST_CODES", 24 * 18 * 18)
    given = wide_network(24)
    assert kept(given) == [False, True]
    assert left_nearest(nearest(given))[0].endswith("too many weights: y")
    assert left_nearest(nearest(NETWORK)) == ()


def test_layers_that_share_their_weights_keep_their_nearest_codes_and_are_named() -> None:
    own, shared = np.random.default_rng(3).normal(size=(2, 2, 3, 3, 2))
    b = Builder()
    a = b.conv("a", b.input("x", 1, 4, 4, 2), own, np.zeros(2))
    given = b.network(b.conv("y", b.conv("b", a, shared, np.zeros(2)), shared, np.zeros(2)))
    assert kept(given) == [False, True, True]
    told = "the rounding of 2 layers was not learned, as they share their weights: b, y"
    assert left_nearest(nearest(given)) == (told,)


def test_codes_of_the_source_are_not_told_of_as_nearest_ones() -> None:
    made = nearest(NETWORK)
    made = replace(made, scheme=replace(SCHEME, weight_codes=Coding()))
    assert len(left_nearest(made)) == 1
    kept = {node: replace(layer, stated=StatedWeights(layer.affine)) for node, layer in made.layers.items()}
    assert left_nearest(replace(made, layers=kept)) == ()


@pytest.mark.parametrize("coding", [Coding(symmetric=True, reduce_range=True), Coding()], ids=["7 bits", "asymmetric"])
def test_codes_stay_within_what_the_chip_takes(coding: Coding) -> None:
    scheme: Any = replace(SCHEME, weight_codes=coding)
    found = quantize(as_measured(NETWORK, samples(NETWORK, 24)), LEARNED, scheme)
    made = learn(found, realized, samples(NETWORK, 4))
    for one, other in zip(found.layers.values(), made.values(), strict=True):
        assert coding.lowest <= other.weights.min() <= other.weights.max() <= coding.highest
        assert coding.symmetric or np.array_equal(one.weights, other.weights)
    reasons = left_nearest(found)
    assert bool(reasons) is not coding.symmetric


def test_larger_networks_are_looked_at_on_fewer_samples() -> None:
    b = Builder()
    large = b.network(b.conv("y", b.input("x", 1, 1024, 1024, 4), np.zeros((64, 3, 3, 4)), np.zeros(64)))
    assert affordable_samples(large) < affordable_samples(NETWORK)

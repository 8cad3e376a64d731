"""Every technique, on networks in numpy, by the one call that a backend makes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.ir.affine import UINT8, Affine
from dlpuconv.ir.moments import Moments, NodeMoments
from dlpuconv.network import CannotError
from dlpuconv.quantization import BiasCorrection, Observer, Override, Rounding
from dlpuconv.quantization.quantizer import Quantizer
from dlpuconv.quantization.recipe import WeightScale
from dlpuconv.quantization.sites import Gate, LayerGroups
from dlpuconv.quantization.techniques.stepwise import Stepwise
from dlpuconv.scheme import Coding, Granularity
from tests.error_ids import raises_error
from tests.network.examples import EXAMPLES, classifier, decoder, separable
from tests.network.numpy_integer import realized
from tests.quantization.support import PER_TENSOR, SCHEME, given, outputs, samples, sqnr_db
from tests.quantization.techniques.networks import bias

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.quantization import Recipe
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.scheme import Scheme
    from tests.network.numpy_network import NumpyNetwork

TECHNIQUES = {
    "none": PER_TENSOR,
    "per channel": replace(PER_TENSOR, granularity=Granularity.PER_CHANNEL),
    "override": replace(PER_TENSOR, overrides=(Override("*", Granularity.PER_CHANNEL),)),
    "equalize": replace(PER_TENSOR, equalize=True),
    "absorb": replace(PER_TENSOR, absorb=True),
    "analytic": replace(PER_TENSOR, bias_correction=BiasCorrection.ANALYTIC),
    "empirical": replace(PER_TENSOR, bias_correction=BiasCorrection.EMPIRICAL),
    "learned": replace(PER_TENSOR, rounding=Rounding.LEARNED),
    "trained": replace(PER_TENSOR, rounding=Rounding.TRAINED),
    "mse weights": replace(PER_TENSOR, weight_scale=WeightScale.MSE),
    **{observer.value: replace(PER_TENSOR, observer=observer) for observer in Observer},
}
UINT = replace(SCHEME, activation_codes=Coding(type=UINT8))


def quantizer(network: NumpyNetwork, **more: Any) -> Quantizer:
    return Quantizer(network, given(samples(network, 12, low=-1), **more), realized)


def closeness_db(network: NumpyNetwork, made: Quantized) -> float:
    """Of the first output, over some samples."""
    feeds = samples(network, 4, seed=3, low=-1)
    run = Stepwise(realized(made), feeds)
    while run.node is not None:
        run.step()
    found = [run.real(run.network.outputs[0], index) for index in range(4)]
    return sqnr_db(np.stack([outputs(network, feed)[0] for feed in feeds]), np.stack(found))


CASES = [(make, SCHEME) for make in EXAMPLES] + [(separable, UINT)]


@pytest.mark.parametrize(("make", "scheme"), CASES, ids=lambda x: getattr(x, "__name__", ""))
@pytest.mark.parametrize("recipe", TECHNIQUES.values(), ids=TECHNIQUES)
def test_every_technique_works_on_any_network(make: Callable[[], NumpyNetwork], recipe: Recipe, scheme: Scheme) -> None:
    network = make()
    before = network.key
    outcome = quantizer(network).quantize(recipe, scheme)
    cuts_tails = recipe.observer in (Observer.ENTROPY, Observer.MOVING_AVERAGE)
    assert closeness_db(network, outcome.quantized) > (10 if cuts_tails else 28)
    assert outcome.dropped == ()
    assert network.key == before


@pytest.mark.parametrize(
    ("sites", "facts"),
    [
        ({"gates": (Gate("aa", (0, 0, 0, 8)),)}, ["gates", "'aa'", "did you mean 'a'"]),
        ({"gates": (Gate("a", (0, 8)),)}, ["gates hold 2 numbers", "'a', which has 4 channels"]),
        ({"groups": (LayerGroups("elsewhere", (0, 1)),)}, ["groups", "'elsewhere'"]),
        ({"groups": (LayerGroups("y", ()),)}, ["groups hold 0 numbers", "'y', which has 3 channels"]),
    ],
)
def test_sites_of_another_network_are_refused(sites: dict[str, Any], facts: list[str]) -> None:
    with raises_error("recipe-misfit", *facts):
        quantizer(separable()).quantize(replace(PER_TENSOR, **sites), SCHEME)


def test_what_a_format_has_no_form_for_is_left_out_with_its_reason() -> None:
    outcome = quantizer(separable()).quantize(replace(PER_TENSOR, gates=(Gate("a", (0, 0, 0, 8)),)), SCHEME)
    assert outcome.dropped == ("scaling gates was left out: the network has no gate 'a'",)


def test_learned_codes_are_learned_once() -> None:
    network = separable()
    asked = []

    def feeds() -> Any:
        asked.append(1)
        return samples(network, 12, low=-1)

    made = Quantizer(network, replace(given(feeds()), feeds=feeds), realized)
    first = made.quantize(TECHNIQUES["learned"], SCHEME)
    count = len(asked)
    again = made.quantize(TECHNIQUES["learned"], SCHEME)
    assert len(asked) == count
    assert realized(first.quantized).key == realized(again.quantized).key
    made.quantize(TECHNIQUES["learned"], UINT)
    assert len(asked) == count + 1, "another chip's codes are others"


def test_outputs_of_different_ranges_are_split_where_that_is_wanted() -> None:
    network = decoder()
    split = quantizer(network).split_outputs(wanted=True)
    assert [(p.output, p.axis, p.start, p.stop) for p in split.pieces] == [
        (0, 2, 0, 2),
        (0, 2, 2, 5),
        (1, None, 0, 0),
        (2, None, 0, 0),
    ]
    assert len(split.quantizer.network.outputs) == 4
    assert "it became 2 outputs" in split.told[0]
    kept = quantizer(network).split_outputs(wanted=False)
    assert kept.quantizer.network is network
    assert len(kept.pieces) == 3
    assert "--split-outputs off" in kept.told[0]


def test_outputs_stay_whole_where_the_format_cannot_cut_them(monkeypatch: pytest.MonkeyPatch) -> None:
    network = decoder()

    def refused(*_: Any) -> Any:
        raise CannotError("this format cannot cut outputs into parts")

    monkeypatch.setattr(type(network), "with_output_parts", refused)
    split = quantizer(network).split_outputs(wanted=True)
    assert split.quantizer.network is network
    assert [piece.axis for piece in split.pieces] == [None] * 3
    assert "kept whole, as this format cannot cut outputs into parts" in split.told[0]


def test_what_the_network_tells_of_its_training_stands_in_for_made_up_samples() -> None:
    network = separable()
    known = Moments(mean=np.full(4, 2.0), deviation=np.full(4, 0.2))
    told = {"p": NodeMoments(made=known, bias=bias(network, 2))}
    plain, told_ranges = quantizer(network).ranges, quantizer(network, moments=told).ranges
    assert told_ranges["a"] == plain["a"], "what lies before it stays"
    assert 1.0 < told_ranges["p"].low < told_ranges["p"].high < 3.0


def test_an_input_has_the_scale_that_is_prescribed() -> None:
    network = classifier()
    prescribed = {"x": Affine.of(0.01, 3)}
    outcome = quantizer(network, inputs=prescribed).quantize(PER_TENSOR, SCHEME)
    assert outcome.quantized.plan.scales[network.inputs[0]] == Affine.of(0.01, 3)


def test_blame_is_of_the_network_that_the_recipe_makes() -> None:
    network = separable()
    made = quantizer(network)
    found = made.blame(PER_TENSOR, SCHEME, samples(network, 12, low=-1))
    assert [layer.op for layer in found.layers] == ["conv", "conv", "conv", "add", "conv"]
    assert found.samples == 8
    assert all(layer.alone_db is not None and layer.alone_db > found.total_db - 1 for layer in found.layers)

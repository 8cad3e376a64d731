from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.calibration.cache import StatisticsCache
from dlpuconv.files.keep import NOTHING, KeptFolder
from dlpuconv.ir.affine import INT8
from dlpuconv.network import CannotError
from dlpuconv.quantization import BiasCorrection, Observer, Recipe
from dlpuconv.quantization.measuring import measure
from dlpuconv.quantization.quantize import quantize
from dlpuconv.quantization.recipe import WeightScale
from dlpuconv.quantization.techniques import forms
from dlpuconv.quantization.techniques.equalize import equalize
from dlpuconv.quantization.techniques.tuning import Tuner, TuningMaterial
from tests.network.numpy_integer import realized
from tests.quantization.support import PER_TENSOR, SCHEME, given, measured, samples
from tests.quantization.techniques.networks import separable, weights

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlpuconv.network import Feed

FIRST = np.array([[0.01, 0.02], [0.5, 0.25], [1.0, 0.5]])
MIDDLE = np.random.default_rng(1).random((3, 3, 3, 1)) * np.reshape([4.0, 0.2, 0.05], (3, 1, 1, 1))
LAST = np.array([[40.0, 1.0, 2.0], [-20.0, -2.0, 1.0]])
NETWORK = separable(FIRST, np.array([0.1, 0.2, 0.3]), MIDDLE, LAST)
SAMPLES = samples(NETWORK, 12)
PLAIN = replace(PER_TENSOR, observer=Observer.MINMAX)
EQUALIZED = replace(PLAIN, equalize=True)
RECIPES = [
    PLAIN,
    EQUALIZED,
    replace(PLAIN, bias_correction=BiasCorrection.ANALYTIC),
    replace(PLAIN, observer=Observer.PERCENTILE),
    replace(EQUALIZED, bias_correction=BiasCorrection.ANALYTIC, observer=Observer.MSE, weight_scale=WeightScale.MSE),
]


def material(cache: Path | None = None) -> TuningMaterial:
    return measure(NETWORK, replace(given(SAMPLES), cache=StatisticsCache(KeptFolder(cache) if cache else NOTHING)))


def emitted(tuner: Tuner, recipe: Recipe) -> str:
    return realized(quantize(tuner.apply(recipe, INT8), recipe, SCHEME)).key


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.summary)
def test_what_was_prepared_is_the_same_after_any_recipe(recipe: Recipe) -> None:
    made = material()
    before, ranges = made.network.key, dict(made.ranges)
    emitted(Tuner(made), recipe)
    assert made.network.key == before
    assert made.ranges == ranges


def test_a_recipe_gives_the_same_codes_whatever_was_tried_before_and_whether_statistics_are_cached(
    tmp_path: Path,
) -> None:
    used = Tuner(material(tmp_path))
    found = [emitted(used, recipe) for recipe in RECIPES]
    assert [emitted(used, recipe) for recipe in reversed(RECIPES)] == found[::-1]
    assert [emitted(Tuner(material(tmp_path)), recipe) for recipe in RECIPES] == found
    assert [emitted(Tuner(material()), recipe) for recipe in RECIPES] == found


def test_equalization_says_what_it_did() -> None:
    tuned = Tuner(material()).apply(EQUALIZED, INT8)
    facts = tuned.facts["equalization"]
    assert isinstance(facts, dict)
    assert facts["scaled_channels"] == equalize(NETWORK, measured(NETWORK, SAMPLES)).scaled
    assert facts["silenced_channels"] == 0
    assert float(str(facts["float_agreement_db"])) >= 60.0
    assert tuned.dropped == ()


@pytest.mark.parametrize("factor", [2.0, np.nan])
def test_equalization_that_changes_the_float_network_is_left_out_with_a_note(
    factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*arguments: Any) -> Any:
        made = equalize(*arguments)
        weights(made.network, 2)[...] *= factor
        return made

    monkeypatch.setattr(forms, "equalize", wrong)
    made = material()
    tuned = Tuner(made).apply(EQUALIZED, INT8)
    assert tuned.network is made.network
    assert tuned.ranges == made.ranges
    assert "equalization was left out" in tuned.dropped[0]
    assert "equalization" not in tuned.facts


@pytest.mark.parametrize(
    ("technique", "title", "recipe"),
    [
        ("equalize", "equalization", replace(PLAIN, equalize=True)),
        ("absorb", "absorption", replace(PLAIN, absorb=True)),
    ],
)
def test_a_technique_whose_edit_the_format_refuses_is_left_out_with_its_reason(
    technique: str, title: str, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> Any:
        raise CannotError("weights of this format are read-only")

    monkeypatch.setattr(forms, technique, refused)
    made = material()
    tuned = Tuner(made).apply(recipe, INT8)
    assert tuned.network is made.network
    assert tuned.dropped == (f"{title} was left out: weights of this format are read-only",)


def test_an_equalized_network_is_compared_on_a_few_samples_and_not_measured_again() -> None:
    told: list[int] = []

    def feeds() -> Iterator[Feed]:
        for sample in SAMPLES:
            told.append(1)
            yield sample

    tuner = Tuner(measure(NETWORK, replace(given(SAMPLES), feeds=feeds)))
    assert len(told) == len(SAMPLES)
    for recipe in (EQUALIZED, replace(EQUALIZED, observer=Observer.ROBUST), replace(PLAIN, observer=Observer.MSE)):
        tuner.apply(recipe, INT8)
    assert len(told) == len(SAMPLES) + 6

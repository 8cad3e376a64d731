from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from dlpuconv_backends.tflite.equalize import equalize
from dlpuconv_backends.tflite.plan import observed_tensors
from dlpuconv_backends.tflite.quantizer import quantize
from dlpuconv_backends.tflite.spreads import Spreads, spread_of
from dlpuconv_backends.tflite.statistics import MinMax, observe
from dlpuconv_backends.tflite.tuning import Material, Tuner

from dlpuconv.calibration import StatisticsCache
from dlpuconv.display.progress import Silent
from dlpuconv.quantization import BiasCorrection, Observer, Recipe
from dlpuconv.quantization.recipe import WeightScale
from dlpuconv_backends.flatbuffer import encode
from dlpuconv_backends.tflite import tuning
from tests.backends.tflite.models import INT8, PER_TENSOR
from tests.backends.tflite.networks import measured, pixels, separable

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv_backends.tflite.channel_statistics import Details
    from dlpuconv_backends.tflite.equalize import Equalized

    from dlpuconv_backends.flatbuffer import Graph

FIRST = np.array([[0.01, 0.02], [0.5, 0.25], [1.0, 0.5]])
MIDDLE = np.random.default_rng(1).random((1, 3, 3, 3)) * [4.0, 0.2, 0.05]
LAST = np.array([[40.0, 1.0, 2.0], [-20.0, -2.0, 1.0]])
PLAIN = replace(PER_TENSOR, observer=Observer.MINMAX)
EQUALIZED = replace(PLAIN, equalize=True)
RECIPES = [
    PLAIN,
    EQUALIZED,
    replace(PLAIN, bias_correction=BiasCorrection.ANALYTIC),
    replace(PLAIN, observer=Observer.PERCENTILE),
    replace(EQUALIZED, bias_correction=BiasCorrection.ANALYTIC, observer=Observer.MSE, weight_scale=WeightScale.MSE),
]


def material(cache: Path | None = None) -> Material:
    graph = separable(FIRST, np.array([0.1, 0.2, 0.3]), MIDDLE, LAST)
    samples = pixels(12)
    seen = observe(graph, observed_tensors(graph), samples, [MinMax(), Spreads(len(samples))])
    return Material(
        graph=graph,
        measured=graph,
        ranges=seen.ranges(),
        spreads={name: spread_of(row) for name, row in zip(seen.tensors, seen.values[Spreads.name], strict=True)},
        samples=len(samples),
        evidence=len(samples),
        feeds=lambda: samples,
        cache=StatisticsCache(cache),
        key="network",
        progress=Silent(),
    )


def emitted(tuner: Tuner, recipe: Recipe) -> bytes:
    return encode(quantize(tuner.apply(recipe), recipe, INT8).graph)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.summary)
def test_what_was_prepared_is_the_same_after_any_recipe(recipe: Recipe) -> None:
    given = material()
    before, ranges = encode(given.graph), dict(given.ranges)
    emitted(Tuner(given), recipe)
    assert encode(given.graph) == before
    assert given.ranges == ranges


def test_a_recipe_gives_the_same_bytes_whatever_was_tried_before_and_whether_statistics_are_cached(
    tmp_path: Path,
) -> None:
    used = Tuner(material(tmp_path))
    found = [emitted(used, recipe) for recipe in RECIPES]
    assert len(set(found)) >= len(RECIPES) - 1, "all but percentiles, of so few values, make a difference"
    assert [emitted(used, recipe) for recipe in reversed(RECIPES)] == found[::-1]
    assert [emitted(Tuner(material(tmp_path)), recipe) for recipe in RECIPES] == found
    assert [emitted(Tuner(material()), recipe) for recipe in RECIPES] == found


def test_equalization_says_what_it_did() -> None:
    given = material()
    tuned = Tuner(given).apply(EQUALIZED)
    facts = tuned.facts["equalization"]
    assert isinstance(facts, dict)
    scaled = equalize(given.graph, measured(given.graph, pixels(12))).scaled
    assert facts["scaled_channels"] == scaled > 0
    assert facts["silenced_channels"] == 0
    assert float(str(facts["float_agreement_db"])) >= 60.0
    assert tuned.dropped == ()


@pytest.mark.parametrize("factor", [2.0, np.nan])
def test_equalization_that_changes_the_float_network_is_left_out_with_a_note(
    factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(graph: Graph, details: Details) -> Equalized:
        made = equalize(graph, details)
        data = made.graph.operators[-1].input(1).data
        assert data is not None
        data *= factor
        return made

    monkeypatch.setattr(tuning, "equalize", wrong)
    given = material()
    tuned = Tuner(given).apply(EQUALIZED)
    assert tuned.graph is given.graph
    assert tuned.ranges == given.ranges
    assert "equalization was left out" in tuned.dropped[0]
    assert "equalization" not in tuned.facts

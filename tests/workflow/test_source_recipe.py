"""The one recipe of a quantized source, and the options that it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dlpuconv.ir.affine import INT8, Affine
from dlpuconv.ir.given_scales import GivenScales, StatedScale
from dlpuconv.quantization import Override, Recipe, Rounding
from dlpuconv.quantization.recipe import Observer, ScaleOrigin
from dlpuconv.quantization.recipe_file import from_toml, to_toml
from dlpuconv.quantization.sites import Detour
from dlpuconv.registry import load_target
from dlpuconv.scheme import Granularity
from dlpuconv.workflow.request import Effort, QuantizationOptions
from dlpuconv.workflow.source_recipe import (
    equalized,
    has_channel_scales,
    in_stated_ranges,
    recipe_of_source,
    refuse_lost_scales,
)
from tests.error_ids import raises_error

SOURCE = Recipe(granularity=Granularity.PER_TENSOR, scales=ScaleOrigin.SOURCE)


def recipe(target: str = "artpec8", *, calibrated: bool = True, **wanted: Any) -> Recipe:
    return recipe_of_source(QuantizationOptions(**wanted), load_target(target), calibrated=calibrated)


def test_it_keeps_the_scales_and_rewrites_nothing() -> None:
    made = recipe()
    assert made.scales is ScaleOrigin.SOURCE
    assert not any((made.equalize, made.absorb, made.gates, made.groups))
    assert made.granularity is Granularity.PER_TENSOR
    assert recipe("artpec7").granularity is Granularity.PER_CHANNEL


@pytest.mark.parametrize(
    ("calibrated", "effort", "rounding"),
    [
        (True, Effort.BALANCED, Rounding.LEARNED),
        (True, Effort.FAST, Rounding.NEAREST),
        (False, Effort.BALANCED, Rounding.NEAREST),
    ],
)
def test_weights_are_learned_where_samples_and_effort_allow(
    calibrated: bool, effort: Effort, rounding: Rounding
) -> None:
    assert recipe(calibrated=calibrated, effort=effort).rounding is rounding


@pytest.mark.parametrize(
    ("wanted", "option"),
    [
        ({"recipe": Recipe(granularity=Granularity.PER_TENSOR)}, "--recipe"),
        ({"recipe": replace(SOURCE, absorb=True)}, "--recipe"),
        ({"recipe": replace(SOURCE, rounding=Rounding.TRAINED)}, "--recipe"),
        ({"recipe": replace(SOURCE, detours=(Detour(site="x", readers=(0,)),))}, "--recipe"),
        ({"overrides": (Override("*", Granularity.PER_CHANNEL),)}, "--override"),
        ({"mixed": True}, "--granularity auto"),
        ({"effort": Effort.BEST}, "--effort best"),
    ],
)
def test_options_that_would_change_stated_scales_are_refused(wanted: dict[str, Any], option: str) -> None:
    with raises_error("quantized-source-settled", option):
        recipe(**wanted)


def test_a_coarser_granularity_than_the_chips_is_refused_and_a_finer_one_keeps_more() -> None:
    with raises_error("quantized-source-settled", "--granularity per-tensor"):
        recipe("artpec7", granularity=Granularity.PER_TENSOR)
    with raises_error("quantized-source-settled", "the granularity per-tensor of --recipe"):
        recipe("artpec7", recipe=SOURCE)
    assert recipe(granularity=Granularity.PER_CHANNEL).granularity is Granularity.PER_CHANNEL
    assert recipe(granularity=Granularity.PER_TENSOR).granularity is Granularity.PER_TENSOR


def test_its_own_recipe_is_repeated_from_a_file() -> None:
    made = recipe()
    assert from_toml(to_toml(made)) == made
    assert recipe(recipe=made) == made
    assert recipe(recipe=equalized(made)) == equalized(made)


def test_a_recipe_that_keeps_scales_is_refused_for_a_float_model() -> None:
    refuse_lost_scales(Recipe(granularity=Granularity.PER_TENSOR))
    with raises_error("recipe-of-quantized"):
        refuse_lost_scales(SOURCE)


def test_scales_for_each_channel_are_looked_for_among_weights() -> None:
    one, several = (StatedScale(affine=Affine.along(0, scales), codes=INT8) for scales in ([0.5], [0.5, 0.25]))
    assert has_channel_scales(GivenScales(weights={"a": one, "b": several}))
    assert not has_channel_scales(GivenScales(weights={"a": one}, activations={"x": one}))


def test_without_samples_activations_reach_as_far_as_the_source_states() -> None:
    made = in_stated_ranges(equalized(SOURCE))
    assert (made.equalize, made.scales, made.observer) == (True, ScaleOrigin.SOURCE, Observer.MINMAX)
    assert recipe(calibrated=False, recipe=made) == made

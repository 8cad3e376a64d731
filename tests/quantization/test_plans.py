from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dlpuconv.plugin import Granularity
from dlpuconv.quantization import Balance, BiasCorrection, Observer, Recipe, Rounding
from dlpuconv.quantization.plans import plan_for, usual
from dlpuconv.quantization.score import Score
from dlpuconv.quantization.sites import Detour, Gate, LayerGroups, Proposal

PLAIN = Recipe(granularity=Granularity.PER_TENSOR)
DETOUR, GATE, GROUPS = Detour("conv", (0,)), Gate("mul", (8, 0)), LayerGroups("conv", (0, 1))


def propose(recipe: Recipe, what: Proposal) -> Recipe:
    sites: dict[str, Any] = {"detours": (DETOUR,), "gates": (GATE,), "groups": (GROUPS,)}
    found: dict[str, Any] = {what.value: sites[what.value]}
    return replace(recipe, **found)


def tried(effort: str) -> list[Recipe]:
    """Each change of the plain recipe."""
    plan = plan_for(effort, propose)
    assert plan is not None
    return [change(PLAIN) for change in (*plan.changes, *plan.last)]


def test_fast_tries_nothing() -> None:
    assert plan_for("fast", propose) is None


def test_the_usual_recipe_corrects_biases_and_has_the_gates_that_are_proposed() -> None:
    recipe = usual(PLAIN, propose, made_up=False)
    assert (recipe.bias_correction, recipe.gates, recipe.groups) == (BiasCorrection.ANALYTIC, (GATE,), ())


def test_where_samples_are_made_up_it_is_equalized_and_nothing_is_proposed() -> None:
    recipe = usual(PLAIN, propose, made_up=True)
    assert (recipe.equalize, recipe.balance, recipe.gates) == (True, Balance.WEIGHTS, ())


def test_balanced_learns_rounding_once() -> None:
    assert [recipe.rounding for recipe in tried("balanced")].count(Rounding.LEARNED) == 1


def test_best_trains_what_it_has_learned_and_no_other_effort_does() -> None:
    plan = plan_for("best", propose)
    assert plan is not None
    recipe, seen = PLAIN, []
    for change in (*plan.changes, *plan.last):
        recipe = change(recipe)
        seen.append(recipe.rounding)
    assert seen.index(Rounding.LEARNED) < seen.index(Rounding.TRAINED)
    assert seen.count(Rounding.TRAINED) == 1, (
        "it takes a minute or two, and what is tried behind it would take it again"
    )
    assert Rounding.TRAINED not in {recipe.rounding for recipe in tried("balanced")}


def test_best_tries_groups_and_balanced_only_where_what_it_found_fails() -> None:
    balanced = plan_for("balanced", propose)
    assert balanced is not None
    assert [change(PLAIN).groups for change in balanced.repairs] == [(GROUPS,)]
    assert not any(recipe.groups for recipe in tried("balanced"))
    assert any(recipe.groups for recipe in tried("best"))


def test_balanced_and_best_try_detours_once_channels_are_scaled() -> None:
    for effort in ("balanced", "best"):
        plan = plan_for(effort, propose)
        assert plan is not None
        scaled, detoured, *_ = [change(PLAIN) for change in plan.changes]
        assert (scaled.equalize, detoured.detours) == (True, (DETOUR,))
    assert usual(PLAIN, propose, made_up=False).detours == ()


def test_balanced_tries_whole_ranges_beside_gates_alone() -> None:
    plan = plan_for("balanced", propose)
    assert plan is not None
    gated = replace(PLAIN, gates=(GATE,))
    assert all(change(PLAIN).observer is Observer.ROBUST for change in plan.changes)
    assert Observer.MINMAX in {change(gated).observer for change in plan.changes}


@pytest.mark.parametrize(("decibels", "expected"), [(13.9, True), (14.1, False)])
def test_balanced_equalizes_by_weights_where_what_noise_predicts_is_poor(decibels: float, expected: bool) -> None:
    plan = plan_for("balanced", propose)
    assert plan is not None
    score = Score(typical_db=decibels, sqnr_db=decibels, cosine=1.0)
    by_noise = replace(PLAIN, equalize=True, balance=Balance.NOISE)
    recipes = [change(by_noise) for changes, suffices in plan.stages() if not suffices(score) for change in changes]
    assert (replace(by_noise, balance=Balance.WEIGHTS) in recipes) is expected


def test_no_effort_tries_percentiles() -> None:
    assert all(recipe.observer is not Observer.PERCENTILE for recipe in tried("best"))


def test_it_is_equalized_where_weights_have_one_scale() -> None:
    def ungated(recipe: Recipe, _: Proposal) -> Recipe:
        return recipe

    recipe = usual(PLAIN, ungated, made_up=False)
    assert (recipe.equalize, recipe.balance) == (True, Balance.NOISE)
    assert not usual(replace(PLAIN, granularity=Granularity.PER_CHANNEL), ungated, made_up=False).equalize
    assert usual(PLAIN, propose, made_up=False).equalize


def test_balanced_tries_whether_gates_are_worth_it() -> None:
    plan = plan_for("balanced", propose)
    assert plan is not None
    gated = replace(PLAIN, gates=(GATE,))
    assert PLAIN in [change(gated) for change in plan.changes]

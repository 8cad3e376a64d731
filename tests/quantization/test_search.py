from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dlpuconv.plugin import Artifact, Granularity
from dlpuconv.quantization import BiasCorrection, Observer, Recipe, Rounding
from dlpuconv.quantization.score import Score
from dlpuconv.quantization.search import Trial, plan_for, prefer_passing, search

if TYPE_CHECKING:
    from collections.abc import Callable

PLAIN = Recipe(granularity=Granularity.PER_TENSOR)


def emit(recipe: Recipe) -> Artifact:
    return Artifact(files={"": repr(recipe).encode()}, inputs=(), outputs=(), bindings={}, facts={"is": recipe.summary})


def judge(worth: Callable[[str], float]) -> Callable[[Artifact], Score]:
    def score(artifact: Artifact) -> Score:
        value = worth(str(artifact.facts["is"]))
        return Score(typical_db=value, sqnr_db=value, cosine=1.0)

    return score


def chosen(worth: Callable[[str], float], effort: str = "balanced") -> Recipe:
    plan = plan_for(effort)
    assert plan is not None
    trials = search(PLAIN, emit, judge(worth), plan)
    assert sum(trial.chosen for trial in trials) == 1
    return next(trial.recipe for trial in trials if trial.chosen)


def test_what_makes_it_worse_is_not_kept() -> None:
    recipe = chosen(lambda text: 10.0 - 3 * ("equalize" in text) + 2 * ("bias" in text))
    assert not recipe.equalize
    assert recipe.bias_correction is BiasCorrection.ANALYTIC


def test_the_plainest_recipe_wins_where_nothing_helps() -> None:
    assert chosen(lambda _: 20.0) == PLAIN


def test_techniques_that_help_add_up() -> None:
    recipe = chosen(lambda text: 5.0 * ("equalize" in text) + 2 * ("bias" in text) + ("percentile" in text))
    assert (recipe.equalize, recipe.observer) == (True, Observer.PERCENTILE)


@pytest.mark.parametrize("effort", ["balanced", "best"])
def test_rounding_is_learned_last_and_for_the_best_recipe_of_the_others(effort: str) -> None:
    plan = plan_for(effort)
    assert plan is not None
    trials = search(PLAIN, emit, judge(lambda text: 5.0 * ("equalize" in text) + ("learned" in text)), plan)
    first = next(index for index, trial in enumerate(trials) if trial.recipe.rounding is Rounding.LEARNED)
    assert all(trial.recipe.rounding is Rounding.LEARNED for trial in trials[first:])
    assert trials[first].recipe.equalize
    assert trials[first].chosen


def test_no_recipe_is_tried_once_one_is_good_enough() -> None:
    plan = plan_for("best")
    assert plan is not None
    assert len(search(PLAIN, emit, judge(lambda _: 60.0), plan)) == 1


def test_best_switches_off_again_what_another_technique_made_useless() -> None:
    def worth(text: str) -> float:
        return 4.0 + 1 * ("bias" in text) + 8 * ("equalize" in text) - 3 * ("bias" in text and "equalize" in text)

    assert chosen(worth, "best").bias_correction is BiasCorrection.OFF


def test_fast_tries_nothing() -> None:
    assert plan_for("fast") is None


def scored(worth: Callable[[str], tuple[float, float]]) -> Callable[[Artifact], Score]:
    """From decibels and a metric."""

    def score(artifact: Artifact) -> Score:
        value, metric = worth(str(artifact.facts["is"]))
        return Score(typical_db=value, sqnr_db=value, cosine=1.0, metric=metric)

    return score


def kept(trials: list[Trial]) -> Recipe:
    (recipe,) = [trial.recipe for trial in trials if trial.chosen]
    return recipe


def test_the_user_s_metric_decides_whatever_the_decibels_say() -> None:
    plan = plan_for("balanced")
    assert plan is not None
    trials = search(PLAIN, emit, scored(lambda text: (("bias" in text) * 9.0, 0.8 - 0.1 * ("bias" in text))), plan)
    assert kept(trials) == PLAIN


def test_decibels_decide_where_the_metric_is_the_same() -> None:
    plan = plan_for("balanced")
    assert plan is not None
    trials = search(PLAIN, emit, scored(lambda text: (("bias" in text) * 9.0, 0.8 - 1e-4 * ("bias" in text))), plan)
    assert kept(trials).bias_correction is BiasCorrection.ANALYTIC


def test_the_search_ends_with_the_first_recipe_whose_metric_is_enough_even_where_decibels_fall() -> None:
    plan = plan_for("best")
    assert plan is not None

    def worth(text: str) -> tuple[float, float]:
        return (5.0, 0.8004) if "bias" in text else (20.0, 0.8)

    trials = search(PLAIN, emit, scored(worth), replace(plan, enough=lambda metric: metric >= 0.8003))
    assert len(trials) == 2
    assert kept(trials).bias_correction is BiasCorrection.ANALYTIC


def test_the_best_recipe_is_kept_where_none_is_enough() -> None:
    plan = plan_for("balanced")
    assert plan is not None
    trials = search(
        PLAIN, emit, scored(lambda text: (1.0, 0.5 + 0.1 * ("bias" in text))), replace(plan, enough=lambda _: False)
    )
    assert len(trials) > 3
    assert trials[1].to_json()["metric"] == 0.6
    assert kept(trials).bias_correction is BiasCorrection.ANALYTIC


def test_a_recipe_that_passes_is_never_given_up_for_one_that_fails() -> None:
    plan = plan_for("best")
    assert plan is not None

    def score(artifact: Artifact) -> Score:
        text = str(artifact.facts["is"])
        return Score(typical_db=20.0 + 9 * ("bias" in text), sqnr_db=9.0, cosine=1.0, passes="bias" not in text)

    assert kept(search(PLAIN, emit, score, plan)) == PLAIN


def test_the_first_recipe_that_passes_replaces_one_that_fails_even_if_its_decibels_are_lower() -> None:
    plan = plan_for("balanced")
    assert plan is not None

    def score(artifact: Artifact) -> Score:
        text = str(artifact.facts["is"])
        passes = "min-max" in text
        return Score(typical_db=11.0 if passes else 16.0, sqnr_db=10.5 if passes else 6.0, cosine=1.0, passes=passes)

    assert kept(search(PLAIN, emit, score, plan)).observer is Observer.MINMAX


def test_no_recipe_is_good_enough_while_it_fails() -> None:
    plan = plan_for("balanced")
    assert plan is not None
    trials = search(PLAIN, emit, lambda _: Score(typical_db=60.0, sqnr_db=60.0, cosine=1.0, passes=False), plan)
    assert len(trials) > 1


def test_few_recipes_are_run_on_all_samples_and_those_of_another_granularity_last() -> None:
    asked: list[Recipe] = []

    def confirms(recipe: Recipe) -> bool:
        asked.append(recipe)
        return False

    elsewhere = tried(Observer.MINMAX, 20.0)
    elsewhere = replace(elsewhere, recipe=replace(elsewhere.recipe, granularity=Granularity.PER_CHANNEL))
    trials = [tried(observer, 10.0 + index) for index, observer in enumerate(Observer)]
    trials[0] = replace(trials[0], chosen=True)
    assert kept(prefer_passing([*trials, elsewhere], confirms)) == trials[0].recipe
    assert asked == [trials[0].recipe, *(trial.recipe for trial in trials[:-4:-1])]


def tried(observer: Observer, db: float, *, passes: bool = True, chosen: bool = False) -> Trial:
    score = Score(typical_db=db, sqnr_db=db, cosine=1.0, passes=passes)
    return Trial(recipe=replace(PLAIN, observer=observer), score=score, chosen=chosen)


@pytest.mark.parametrize(
    ("confirmed", "expected"),
    [
        ({Observer.MSE, Observer.MINMAX, Observer.ROBUST}, Observer.MSE),
        ({Observer.MINMAX, Observer.ROBUST}, Observer.ROBUST),
        (set(), Observer.MSE),
    ],
)
def test_what_fails_on_all_samples_gives_way_to_the_next_best_that_passes_on_them(
    confirmed: set[Observer], expected: Observer
) -> None:
    trials = [
        tried(Observer.ROBUST, 12.0),
        tried(Observer.MSE, 14.0, chosen=True),
        tried(Observer.MINMAX, 11.0),
        tried(Observer.PERCENTILE, 13.0, passes=False),
    ]
    found = kept(prefer_passing(trials, lambda recipe: recipe.observer in confirmed))
    assert found.observer is expected

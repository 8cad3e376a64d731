from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dlpuconv.decibel import SampleRatios
from dlpuconv.plugin import Artifact, Granularity
from dlpuconv.quantization import BiasCorrection, Observer, Recipe, Rounding
from dlpuconv.quantization.plans import Plan, plan_for
from dlpuconv.quantization.score import Score
from dlpuconv.quantization.search import Trial, prefer_passing, search, told_alike

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


def plan_of(effort: str) -> Plan:
    plan = plan_for(effort, lambda recipe, _: recipe)
    assert plan is not None
    return plan


def corrected(recipe: Recipe) -> Recipe:
    return replace(recipe, bias_correction=BiasCorrection.ANALYTIC)


def in_ranges(observer: Observer) -> Callable[[Recipe], Recipe]:
    return lambda recipe: replace(recipe, observer=observer)


PLAN = Plan(
    changes=(
        corrected,
        lambda recipe: replace(recipe, equalize=True),
        in_ranges(Observer.MSE),
        in_ranges(Observer.MINMAX),
    )
)


def chosen(worth: Callable[[str], float], plan: Plan = PLAN) -> Recipe:
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
    recipe = chosen(lambda text: 5.0 * ("equalize" in text) + 2 * ("bias" in text) + ("min-max" in text))
    assert (recipe.equalize, recipe.observer) == (True, Observer.MINMAX)


@pytest.mark.parametrize("effort", ["balanced", "best"])
def test_rounding_is_learned_last_and_for_the_best_recipe_of_the_others(effort: str) -> None:
    worth = judge(lambda text: 5.0 * ("equalize" in text) + ("learned" in text))
    trials = search(PLAIN, emit, worth, plan_of(effort))
    first = next(index for index, trial in enumerate(trials) if trial.recipe.rounding is Rounding.LEARNED)
    assert all(trial.recipe.rounding is not Rounding.NEAREST for trial in trials[first:])
    assert trials[first].recipe.equalize
    assert trials[first].chosen


def test_no_recipe_is_tried_once_one_is_good_enough() -> None:
    assert len(search(PLAIN, emit, judge(lambda _: 60.0), PLAN)) == 1


def test_best_switches_off_again_what_another_technique_made_useless() -> None:
    def worth(text: str) -> float:
        return (
            4.0
            + 1 * ("equalize" in text)
            + 8 * ("mse ranges" in text)
            - 3 * ("equalize" in text and "mse ranges" in text)
        )

    assert not chosen(worth, plan_of("best")).equalize


def ratios(*decibels: float) -> Score:
    each = SampleRatios(decibels, (1.0,) * len(decibels))
    return Score(typical_db=each.typical_db or 0.0, sqnr_db=0.0, cosine=1.0, outputs=(each,))


def test_of_recipes_that_the_samples_cannot_tell_apart_the_simpler_is_kept_and_the_other_is_marked() -> None:
    def score(artifact: Artifact) -> Score:
        return ratios(20, 21, 22, 60) if "min-max" in str(artifact.facts["is"]) else ratios(20, 21, 22, 23)

    trials = told_alike(search(PLAIN, emit, score, Plan(changes=(in_ranges(Observer.MINMAX),))))
    assert [(trial.chosen, trial.alike) for trial in trials] == [(True, False), (False, True)]


def test_a_simpler_recipe_replaces_one_that_nothing_tells_from_it() -> None:
    start = in_ranges(Observer.MINMAX)(PLAIN)
    trials = search(start, emit, lambda _: ratios(20, 21, 22, 23), Plan(changes=(in_ranges(Observer.ROBUST),)))
    assert kept(trials) == PLAIN


def test_learned_rounding_is_no_less_simple_and_wins_by_its_figure_where_nothing_tells_it_apart() -> None:
    def score(artifact: Artifact) -> Score:
        return ratios(20, 21, 22, 60) if "learned" in str(artifact.facts["is"]) else ratios(20, 21, 22, 23)

    learned = replace(PLAIN, rounding=Rounding.LEARNED)
    assert kept(search(PLAIN, emit, score, Plan(changes=(lambda _: learned,)))) == learned


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
    trials = search(PLAIN, emit, scored(lambda text: (("bias" in text) * 9.0, 0.8 - 0.1 * ("bias" in text))), PLAN)
    assert kept(trials) == PLAIN


def test_decibels_decide_where_the_metric_is_the_same() -> None:
    trials = search(PLAIN, emit, scored(lambda text: (("bias" in text) * 9.0, 0.8 - 1e-4 * ("bias" in text))), PLAN)
    assert kept(trials).bias_correction is BiasCorrection.ANALYTIC


def test_the_search_ends_with_the_first_recipe_whose_metric_is_enough_even_where_decibels_fall() -> None:

    def worth(text: str) -> tuple[float, float]:
        return (5.0, 0.8004) if "bias" in text else (20.0, 0.8)

    trials = search(PLAIN, emit, scored(worth), replace(PLAN, enough=lambda metric: metric >= 0.8003))
    assert len(trials) == 2
    assert kept(trials).bias_correction is BiasCorrection.ANALYTIC


def test_the_best_recipe_is_kept_where_none_is_enough() -> None:
    trials = search(
        PLAIN, emit, scored(lambda text: (1.0, 0.5 + 0.1 * ("bias" in text))), replace(PLAN, enough=lambda _: False)
    )
    assert len(trials) > 3
    assert trials[1].to_json()["metric"] == 0.6
    assert kept(trials).bias_correction is BiasCorrection.ANALYTIC


def test_a_recipe_that_passes_is_never_given_up_for_one_that_fails() -> None:

    def score(artifact: Artifact) -> Score:
        text = str(artifact.facts["is"])
        return Score(typical_db=20.0 + 9 * ("bias" in text), sqnr_db=9.0, cosine=1.0, passes="bias" not in text)

    assert kept(search(PLAIN, emit, score, PLAN)) == PLAIN


def test_the_first_recipe_that_passes_replaces_one_that_fails_even_if_its_decibels_are_lower() -> None:

    def score(artifact: Artifact) -> Score:
        text = str(artifact.facts["is"])
        passes = "min-max" in text
        return Score(typical_db=11.0 if passes else 16.0, sqnr_db=10.5 if passes else 6.0, cosine=1.0, passes=passes)

    assert kept(search(PLAIN, emit, score, PLAN)).observer is Observer.MINMAX


@pytest.mark.parametrize(("decibels", "expected"), [(13.9, 2), (14.1, 1)])
def test_a_rescue_is_tried_for_what_is_poor_alone(decibels: float, expected: int) -> None:
    plan = Plan(rescues=(in_ranges(Observer.MINMAX),))
    assert len(search(PLAIN, emit, judge(lambda _: decibels), plan)) == expected


def test_what_a_rescue_found_is_what_rounding_is_learned_for() -> None:
    def learned(recipe: Recipe) -> Recipe:
        return replace(recipe, rounding=Rounding.LEARNED)

    plan = Plan(rescues=(in_ranges(Observer.MINMAX),), last=(learned,))
    trials = search(PLAIN, emit, judge(lambda text: 9.0 + ("min-max" in text)), plan)
    assert trials[-1].recipe == learned(in_ranges(Observer.MINMAX)(PLAIN))


def test_no_recipe_is_good_enough_while_it_fails() -> None:
    trials = search(PLAIN, emit, lambda _: Score(typical_db=60.0, sqnr_db=60.0, cosine=1.0, passes=False), PLAN)
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

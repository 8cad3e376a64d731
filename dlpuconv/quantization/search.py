"""The search for a recipe: try, judge on samples that calibration did not see, keep what is better.

Coordinate descent over the techniques, from the plainest recipe on: each step changes one thing of the best recipe so
far, and is kept only if the samples tell that it is better; of recipes that they cannot tell apart, the simpler is
kept. Nothing depends on the clock: the same model and samples give the same recipe everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from dlpuconv.quantization.recipe import BiasCorrection, Observer, Recipe, Rounding, WeightScale

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dlpuconv.jsonable import Json
    from dlpuconv.plugin import Artifact
    from dlpuconv.quantization.score import Score

_MOST_ROUNDS = 3
_MOST_CONFIRMED = 3
"""Recipes beside the chosen one that are run on all samples, where that one fails on them."""

type Change = Callable[[Recipe], Recipe]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One recipe that was tried.

    Attributes:
        recipe: as it was asked for.
        score: on the judging samples.
        chosen: True for the one that the result was made with.
        alike: the judging samples cannot tell it from the chosen one.
        notes: what the backend could not do of it.
    """

    recipe: Recipe
    score: Score
    chosen: bool = False
    alike: bool = False
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """For manifests and `--json`."""
        return {
            "recipe": self.recipe.to_json(),
            "typical_sqnr_db": round(self.score.typical_db, 3),
            "min_sqnr_db": round(self.score.sqnr_db, 3),
            "min_cosine": round(self.score.cosine, 6),
            "passes": self.score.passes,
            **({} if self.score.metric is None else {"metric": self.score.metric}),
            "chosen": self.chosen,
            "cannot_be_told_from_chosen": self.alike,
            "notes": list(self.notes),
        }


class Emit(Protocol):
    """Makes an artifact under a recipe."""

    def __call__(self, recipe: Recipe, /) -> Artifact:
        """The artifact; the same recipe gives the same bytes."""
        ...


class Judge(Protocol):
    """Measures an artifact."""

    def __call__(self, artifact: Artifact, /) -> Score:
        """Higher is better."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is tried.

    Attributes:
        changes: in order, each applied to the best recipe so far.
        rounds: how often the changes are gone through; a round after one that brought nothing has nothing new to try.
        last: what takes long, tried once on the best recipe that the changes made.
        enough_db: no further recipe is tried once a score reaches this.
        enough: the same, of the user's metric; the recipe that reaches it is the one to keep.
    """

    changes: tuple[Change, ...]
    rounds: int = 1
    last: tuple[Change, ...] = ()
    enough_db: float = 60.0
    enough: Callable[[float], bool] = lambda _: False

    def met_by(self, score: Score) -> bool:
        """Whether a recipe with this score ends the search."""
        close = score.typical_db >= self.enough_db or (score.metric is not None and self.enough(score.metric))
        return score.passes and close


def plan_for(effort: str) -> Plan | None:
    """What an effort tries: nothing for `fast`, each technique once for `balanced`, all there is for `best`."""
    if effort == "fast":
        return None
    once: tuple[Change, ...] = (
        _correct,
        _equalize_and_correct,
        _ranges(Observer.MSE),
        _mse_weights,
        _ranges(Observer.PERCENTILE),
        _ranges(Observer.MINMAX),
    )
    if effort == "balanced":
        return Plan(changes=once, last=(_learned, _mse_weights))
    more: tuple[Change, ...] = (
        _empirical,
        _absorb,
        _equalize,
        _uncorrected,
        _max_weights,
        _unequalized,
        _ranges(Observer.ENTROPY),
        _ranges(Observer.MOVING_AVERAGE),
    )
    learning = (_learned, _max_weights, _mse_weights, _ranges(Observer.MSE), _ranges(Observer.ROBUST))
    return Plan(changes=(*once, *more), rounds=_MOST_ROUNDS, last=learning)


def quick_plan() -> Plan:
    """What `balanced` tries but for what takes long: what it reaches is the least that `balanced` does."""
    return replace(plan_for("balanced") or Plan(changes=()), last=())


def untried(start: Recipe, *, made_up: bool) -> Recipe:
    """What helps nearly every network, where no recipe is judged.

    Args:
        start: the plainest recipe.
        made_up: there are no samples of the network's own; Nagel et al. 2019, "Data-Free Quantization ...", figure 4.
    """
    return _equalize_and_correct(start) if made_up else _correct(start)


def search(
    start: Recipe, emit: Emit, judge: Judge, plan: Plan, tried: Callable[[], None] = lambda: None
) -> list[Trial]:
    """Try the plan's recipes.

    Args:
        start: the plainest recipe; granularities stay as they are in it.
        emit: makes an artifact.
        judge: measures one.
        plan: what to try.
        tried: called after each recipe.

    Returns:
        Every trial in the order tried, exactly one of them chosen.
    """
    trials = [try_recipe(start, emit, judge, tried)]
    best = 0
    for changes in (*[plan.changes] * plan.rounds, plan.last):
        for change in changes:
            recipe = change(trials[best].recipe)
            if plan.met_by(trials[best].score) or any(trial.recipe == recipe for trial in trials):
                continue
            trials.append(try_recipe(recipe, emit, judge, tried))
            if plan.met_by(trials[-1].score) or _is_preferred(trials[-1], trials[best]):
                best = len(trials) - 1
    trials[best] = replace(trials[best], chosen=True)
    return trials


def _is_preferred(trial: Trial, best: Trial) -> bool:
    """Whether it is better; or simpler, where nothing tells which is better."""
    simpler = trial.recipe.complexity < best.recipe.complexity
    return trial.score.beats(best.score) or (simpler and trial.score.is_like(best.score))


def told_alike(trials: Sequence[Trial]) -> list[Trial]:
    """The same, with those marked that nothing tells from the chosen one."""
    score = next(trial.score for trial in trials if trial.chosen)
    return [replace(trial, alike=not trial.chosen and trial.score.is_like(score)) for trial in trials]


def prefer_passing(trials: Sequence[Trial], confirms: Callable[[Recipe], bool]) -> list[Trial]:
    """Choose another trial where the chosen one passes on the judging samples alone, and another on all samples.

    Args:
        trials: exactly one of them chosen.
        confirms: whether a recipe's artifact passes on all samples, which takes long. Asked of few: the best, those of
            the same granularity first, since another one is slower on many chips.
    """
    best = next(index for index, trial in enumerate(trials) if trial.chosen)
    others = sorted(
        (index for index, trial in enumerate(trials) if trial.score.passes and index != best),
        key=lambda index: (
            trials[index].recipe.granularity is trials[best].recipe.granularity,
            trials[index].score.rank,
        ),
        reverse=True,
    )[:_MOST_CONFIRMED]
    candidates = [best, *others] if others else []
    kept = next((index for index in candidates if confirms(trials[index].recipe)), best)
    return [replace(trial, chosen=index == kept) for index, trial in enumerate(trials)]


def try_recipe(recipe: Recipe, emit: Emit, judge: Judge, tried: Callable[[], None]) -> Trial:
    """Make and measure one artifact; `tried` is called afterwards."""
    artifact = emit(recipe)
    trial = Trial(recipe=recipe, score=judge(artifact), notes=artifact.dropped)
    tried()
    return trial


def _correct(recipe: Recipe) -> Recipe:
    return replace(recipe, bias_correction=BiasCorrection.ANALYTIC)


def _empirical(recipe: Recipe) -> Recipe:
    return replace(recipe, bias_correction=BiasCorrection.EMPIRICAL)


def _absorb(recipe: Recipe) -> Recipe:
    return replace(recipe, absorb=True)


def _uncorrected(recipe: Recipe) -> Recipe:
    return replace(recipe, bias_correction=BiasCorrection.OFF)


def _equalize(recipe: Recipe) -> Recipe:
    return replace(recipe, equalize=True)


def _unequalized(recipe: Recipe) -> Recipe:
    return replace(recipe, equalize=False)


def _equalize_and_correct(recipe: Recipe) -> Recipe:
    return _correct(_equalize(recipe))


def _learned(recipe: Recipe) -> Recipe:
    return replace(recipe, rounding=Rounding.LEARNED)


def _mse_weights(recipe: Recipe) -> Recipe:
    return replace(recipe, weight_scale=WeightScale.MSE)


def _max_weights(recipe: Recipe) -> Recipe:
    return replace(recipe, weight_scale=WeightScale.MAX)


def _ranges(observer: Observer) -> Change:
    return lambda recipe: replace(recipe, observer=observer)

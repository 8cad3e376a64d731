"""The search for a recipe: try, judge on samples that calibration did not see, keep what is better.

Coordinate descent over the techniques, from the usual recipe on: each step changes one thing of the best recipe so
far, and is kept only if the samples tell that it is better; of recipes that they cannot tell apart, the simpler is
kept. Nothing depends on the clock: the same model and samples give the same recipe everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dlpuconv.jsonable import Json
    from dlpuconv.plugin import Artifact
    from dlpuconv.quantization.plans import Plan
    from dlpuconv.quantization.recipe import Recipe
    from dlpuconv.quantization.score import Score

_MOST_CONFIRMED = 3
"""Recipes beside the chosen one that are run on all samples, where that one fails on them."""


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


def search(
    start: Recipe, emit: Emit, judge: Judge, plan: Plan, tried: Callable[[], None] = lambda: None
) -> list[Trial]:
    """Try the plan's recipes.

    Args:
        start: granularities stay as they are in it.
        emit: makes an artifact.
        judge: measures one.
        plan: what to try.
        tried: called after each recipe.

    Returns:
        Every trial in the order tried, exactly one of them chosen.
    """
    trials = [try_recipe(start, emit, judge, tried)]
    best = 0
    for changes, suffices in plan.stages():
        for change in changes:
            recipe = trials[best].recipe if suffices(trials[best].score) else change(trials[best].recipe)
            if any(trial.recipe == recipe for trial in trials):
                continue
            trials.append(try_recipe(recipe, emit, judge, tried))
            if plan.met_by(trials[-1].score) or _is_preferred(trials[-1], trials[best]):
                best = len(trials) - 1
    trials[best] = replace(trials[best], chosen=True)
    return trials


def _is_preferred(trial: Trial, best: Trial) -> bool:
    """Whether it is better; where nothing tells which is, whether it is simpler, or closer and no less simple."""
    if not trial.score.is_like(best.score):
        return trial.score.beats(best.score)
    more = trial.recipe.complexity - best.recipe.complexity
    return more < 0 or (more == 0 and trial.score.rank > best.score.rank)


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

"""Which recipe a target's file is made with: the one that was asked for, or the best of those that are tried."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.calibration import Origin
from dlpuconv.errors import UsageError
from dlpuconv.quantization import Recipe, Rounding
from dlpuconv.quantization.mixing import mix
from dlpuconv.quantization.plans import Plan, plan_for, usual
from dlpuconv.quantization.search import prefer_passing, search, told_alike
from dlpuconv.scheme import Granularity, Numbers
from dlpuconv.verification.advice import Settings
from dlpuconv.workflow.request import Effort
from dlpuconv.workflow.source_recipe import (
    equalized,
    has_channel_scales,
    in_stated_ranges,
    recipe_of_source,
    refits_weights,
    refuse_lost_scales,
)

if TYPE_CHECKING:
    from dlpuconv.plugin import Backend
    from dlpuconv.quantization.search import Trial
    from dlpuconv.workflow.request import QuantizationOptions
    from dlpuconv.workflow.run import Run
    from dlpuconv.workflow.workshop import Workshop


def choose_recipe(shop: Workshop) -> tuple[Recipe, tuple[Trial, ...]]:
    """The recipe that was asked for, or the best of those that the effort allows to try.

    Raises:
        UsageError: a recipe was given for a backend that has no use for it, or an option would change scales that a
            quantized source states.
    """
    backend, target, run = shop.backend, shop.target, shop.run
    wanted, calibration = run.request.quantization, run.calibration
    if wanted.recipe is not None:
        if not backend.follows_recipes:
            raise UsageError(
                f"a recipe was given, but the backend {backend.name} of {target.name} cannot follow recipes: leave it"
                " out",
                id="backend-option",
            )
        if not run.source.scales:
            refuse_lost_scales(wanted.recipe)
            return _as_given(wanted.recipe, wanted), ()
    if run.source.scales and backend.numbers is Numbers.INT8:
        if not backend.follows_recipes:
            raise UsageError(
                f"the model is quantized, and the backend {backend.name} of {target.name} calibrates models itself:"
                " convert the float model, or leave --backend out",
                id="backend-option",
            )
        return _for_source(shop)
    start = Recipe(granularity=wanted.granularity or target.scheme.weights, overrides=wanted.overrides)
    mixed = wanted.mixed and start.granularity is Granularity.PER_TENSOR
    if not backend.follows_recipes or calibration is None or calibration.origin is Origin.ABSENT:
        return start, ()
    if calibration.origin is not Origin.RANDOM:
        start = usual(start, shop.propose, made_up=not calibration.calibrated)
    plan = plan_for(wanted.effort, shop.propose)
    if not shop.judges or (plan is None and not mixed):
        return start, ()
    trials = _tried(shop, start, plan or Plan(), mixed=mixed)
    return next(trial.recipe for trial in trials if trial.chosen), tuple(told_alike(trials))


def _for_source(shop: Workshop) -> tuple[Recipe, tuple[Trial, ...]]:
    """The recipe of a quantized source: weights that cannot be kept are equalized where that is found to be better.

    Without a search it is taken for better: fitted to one scale as they are, they often lose all. Without samples it is
    for weights that lose a scale for each channel; others are rounded by learning on synthetic pictures.
    """
    wanted, calibration = shop.run.request.quantization, shop.run.calibration
    calibrated = calibration is not None and calibration.calibrated
    recipe = recipe_of_source(wanted, shop.target, calibrated=calibrated)
    asked = wanted.recipe is not None or recipe.granularity is not Granularity.PER_TENSOR
    if asked:
        return recipe, ()
    if not calibrated and has_channel_scales(shop.run.source.scales):
        return in_stated_ranges(equalized(recipe)), ()
    if not refits_weights(shop.emit(recipe)):
        return recipe, ()
    if not calibrated:
        pictures = all(spec.is_image for spec in shop.run.signature.inputs)
        learns = pictures and wanted.effort is not Effort.FAST
        return replace(recipe, rounding=Rounding.LEARNED if learns else recipe.rounding), ()
    if wanted.effort is Effort.FAST or not shop.judges:
        return equalized(recipe), ()
    trials = _tried(shop, recipe, Plan(changes=(equalized,)), mixed=False)
    return next(trial.recipe for trial in trials if trial.chosen), tuple(told_alike(trials))


def settings_of(backend: Backend, recipe: Recipe, run: Run) -> Settings:
    """The options that decided the numbers of a file that is made with this recipe: they are no advice any more."""
    wanted, calibration = run.request.quantization, run.calibration
    judged = calibration is not None and (calibration.judges or run.yardstick is not None)
    searched = backend.follows_recipes and judged and wanted.recipe is None
    return Settings(
        calibrated=calibration is None or calibration.calibrated,
        effort=wanted.effort.value if searched else None,
        recipe_given=wanted.recipe is not None,
        granularity=wanted.wanted_granularity or recipe.granularity.value,
        split_outputs=run.request.interface.split_outputs.value,
    )


def _as_given(recipe: Recipe, wanted: QuantizationOptions) -> Recipe:
    """The user's recipe; what the command line says beside it comes last and decides."""
    overrides = (*recipe.overrides, *wanted.overrides)
    return replace(recipe, granularity=wanted.granularity or recipe.granularity, overrides=overrides)


def _tried(shop: Workshop, start: Recipe, plan: Plan, *, mixed: bool) -> list[Trial]:
    run, name, judge = shop.run, shop.target.name, shop.judge
    if run.yardstick is not None:
        plan = replace(plan, enough=run.yardstick.enough)
    with run.progress.stage(f"searching for a recipe for {name}") as tried:
        trials = search(start, shop.emit, judge, plan, tried)
    if mixed:
        with run.progress.stage(f"searching for layers that need per-channel weights on {name}") as tried:
            trials = mix(trials, shop, tried, met=plan.met_by)
    if judge.saw_all and any(trial.chosen and trial.score.passes for trial in trials):
        return trials
    with run.progress.stage(f"confirming the recipe for {name} on all held-out samples"):
        return prefer_passing(trials, lambda recipe: judge.confirms(shop.emit(recipe)))

"""Which recipe a target's file is made with: the one that was asked for, or the best of those that are tried."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from dlpuconv.calibration import Origin
from dlpuconv.errors import UsageError
from dlpuconv.quantization import Recipe
from dlpuconv.quantization.mixing import mix
from dlpuconv.quantization.search import Plan, plan_for, prefer_passing, search, untried
from dlpuconv.scheme import Granularity
from dlpuconv.verification.advice import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.calibration import Samples
    from dlpuconv.plugin import Artifact, Backend, Prepared, Target
    from dlpuconv.quantization.search import Trial
    from dlpuconv.verification.output_parity import ParityReport
    from dlpuconv.workflow.request import QuantizationOptions
    from dlpuconv.workflow.run import Run


def choose_recipe(backend: Backend, prepared: Prepared, target: Target, run: Run) -> tuple[Recipe, tuple[Trial, ...]]:
    """The recipe that was asked for, or the best of those that the effort allows to try.

    Raises:
        UsageError: a recipe was given for a backend that has no use for it.
    """
    wanted, calibration = run.request.quantization, run.calibration
    if wanted.recipe is not None:
        if not backend.follows_recipes:
            raise UsageError(f"a recipe was given, but the backend {backend.name} of {target.name} follows none")
        return _as_given(wanted.recipe, wanted), ()
    start = Recipe(granularity=wanted.granularity or target.scheme.weights, overrides=wanted.overrides)
    plan = plan_for(wanted.effort)
    mixed = wanted.mixed and start.granularity is Granularity.PER_TENSOR
    if not backend.follows_recipes or calibration is None or calibration.origin is Origin.ABSENT:
        return start, ()
    quick = start if calibration.origin is Origin.RANDOM else untried(start, made_up=not calibration.calibrated)
    judged = calibration.judges or run.yardstick is not None
    if not judged or (plan is None and not mixed):
        return quick, ()
    shop = _Workshop(backend, prepared, target, run)
    trials = _tried(shop, start if plan else quick, plan or Plan(changes=()), mixed=mixed)
    return next(trial.recipe for trial in trials if trial.chosen), tuple(trials)


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


@dataclass(frozen=True, slots=True)
class _Workshop:
    """Where recipes of one target are tried out."""

    backend: Backend
    prepared: Prepared
    target: Target
    run: Run

    def emit(self, recipe: Recipe) -> Artifact:
        """See `search.Emit`."""
        return self.backend.emit(self.prepared, self.target, recipe)

    def worst_layers(self, recipe: Recipe) -> list[str]:
        """Those that lose by their weights, the worst first."""
        layers = self.backend.blame(self.prepared, self.target, recipe, self.samples).layers
        losing = sorted((layer for layer in layers if layer.loss_by_weights), key=lambda layer: -layer.loss_by_weights)
        return list(dict.fromkeys(layer.names.title for layer in losing))

    def passes(self, file: Path, artifact: Artifact, parity: ParityReport, metric: float | None) -> bool:
        """See `judging.Verdict`: what the verifier will say of the comparison; no other rule depends on the recipe."""
        from dlpuconv.verification.engine import check
        from dlpuconv.verification.question import judges_by_kind, least_db
        from dlpuconv.verification.reach import with_reach
        from dlpuconv.verification.rules.measured import MEASURED_RULES
        from dlpuconv.verification.verdict import decide

        asked, yardstick = self.run.request.verification, self.run.yardstick
        view = self.backend.read(file)
        parity = with_reach(parity, view, artifact.outputs)
        context = replace(
            self.target.context,
            outputs=artifact.outputs,
            parity=parity,
            min_sqnr=least_db(self.target, asked.min_sqnr, parity),
            by_kind=judges_by_kind(self.target, asked.min_sqnr, parity),
            metric=None if yardstick is None or metric is None else yardstick.judged(metric),
        )
        findings = check(view, MEASURED_RULES, context, asked.ignore)
        return decide(findings, strict=asked.strict).passed

    @property
    def samples(self) -> Samples:
        """What recipes are judged on."""
        assert self.run.calibration is not None
        return self.run.calibration.held_out


def _tried(shop: _Workshop, start: Recipe, plan: Plan, *, mixed: bool) -> list[Trial]:
    from dlpuconv.verification.wholes import wholes_of
    from dlpuconv.workflow.judging import SampleJudge

    run, name = shop.run, shop.target.name
    if run.yardstick is not None:
        plan = replace(plan, enough=run.yardstick.enough)
    judge = SampleJudge(
        run.source,
        shop.samples,
        shop.backend,
        run.workspace / "trials" / f"{run.source.source.name}.{name}{shop.target.suffix}",
        passes=shop.passes,
        calibrated=run.calibration is not None and run.calibration.calibrated,
        division=run.division,
        metric=run.yardstick,
        wholes=partial(wholes_of, run.source, run.division, run.request.verification.kinds),
    )
    with run.progress.stage(f"searching for a recipe for {name}") as tried:
        trials = search(start, shop.emit, judge, plan, tried)
    if mixed:
        with run.progress.stage(f"searching for layers that need per-channel weights on {name}") as tried:
            trials = mix(trials, shop.emit, judge, shop.worst_layers, tried, met=plan.met_by)
    if judge.saw_all and any(trial.chosen and trial.score.passes for trial in trials):
        return trials
    with run.progress.stage(f"confirming the recipe for {name} on all held-out samples"):
        return prefer_passing(trials, lambda recipe: judge.confirms(shop.emit(recipe)))

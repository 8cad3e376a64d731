"""Where recipes of one target are tried out and judged: by the search for one, and for advice after a failure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dlpuconv.quantization.recipe import Rounding
from dlpuconv.quantization.sites import Proposal

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.calibration import Samples
    from dlpuconv.plugin import Artifact, Backend, Prepared, Target
    from dlpuconv.quantization import Recipe
    from dlpuconv.quantization.sites import Detour, Gate, LayerGroups
    from dlpuconv.verification.output_parity import ParityReport
    from dlpuconv.workflow.burden import Burden
    from dlpuconv.workflow.judging import SampleJudge
    from dlpuconv.workflow.run import Run


@dataclass(frozen=True)
class Workshop:
    """What it takes to make a file under a recipe, and to judge it."""

    backend: Backend
    prepared: Prepared
    target: Target
    run: Run

    def emit(self, recipe: Recipe) -> Artifact:
        """See `search.Emit`; what was made last is kept, as that is what a search mostly ends with."""
        if recipe not in self._last:
            self._last.clear()
            made = self.backend.emit(self.prepared, self.target, recipe)
            endings = self.run.subject.endings.of([self.target])
            self._last[recipe] = replace(made, outputs=tuple(map(endings.told_by, made.outputs)))
        return self._last[recipe]

    def propose(self, recipe: Recipe, what: Proposal) -> Recipe:
        """The recipe with what measurements say of detours, gates or groups.

        One is left out where the chip's rules would have more to say of its layers than of what was there before. Of
        detours, which no file gets that was not measured to be the better one, it does not count what the rules advise.
        """
        found = self.backend.propose(self.prepared, self.target, recipe, what)
        sites: tuple[Detour | Gate | LayerGroups, ...] = getattr(found, what.value)
        if not sites:
            return found
        bare = _with(found, what, ())
        before, after = self._burden(bare), self._burden(found)
        advised = what is not Proposal.DETOURS
        if after.exceeds(before, advised=advised):
            concerned = after.concerned(before)
            kept = tuple(site for site in sites if not any(map(site.is_at, concerned)))
            found = _with(found, what, kept)
            if kept and (kept == sites or self._burden(found).exceeds(before, advised=advised)):
                found = bare
        return found

    def _burden(self, recipe: Recipe) -> Burden:
        """What the chip's rules say of a file, whose layers do not depend on how its weights are rounded."""
        from dlpuconv.files.content import lend_contents
        from dlpuconv.workflow.burden import Burden

        artifact = self.emit(replace(recipe, rounding=Rounding.NEAREST))
        place = self.run.workspace / "burden" / f"{self.target.name}{self.target.suffix}"
        lend_contents(artifact.contents, place)
        return Burden.of(self.backend.read(place), self.target)

    def anew(self, run: Run) -> Workshop:
        """The same for another network, or another interface of it.

        Raises:
            DlpuconvError: it cannot be converted.
        """
        from dlpuconv.workflow.jobs import prepare

        return replace(self, run=run, prepared=prepare(self.backend, [self.target], run)[1])

    def worst_layers(self, recipe: Recipe) -> list[str]:
        """Layers that lose accuracy by their weights, the worst first."""
        layers = self.backend.blame(self.prepared, self.target, recipe, self.samples).layers
        losing = sorted((layer for layer in layers if layer.loss_by_weights), key=lambda layer: -layer.loss_by_weights)
        return list(dict.fromkeys(layer.names.title for layer in losing))

    def passes(self, file: Path, artifact: Artifact, parity: ParityReport, metric: float | None) -> bool:
        """See `judging.Passes`: what the verifier will say of the comparison; no other rule depends on the recipe."""
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

    @cached_property
    def _last(self) -> dict[Recipe, Artifact]:
        return {}

    @property
    def calibrated(self) -> bool:
        """Whether ranges come from the network's own samples, and not from synthetic ones."""
        return self.run.calibration is not None and self.run.calibration.calibrated

    @property
    def judges(self) -> bool:
        """Whether there are samples, or a metric, that tell which of two recipes is better."""
        return (self.run.calibration is not None and self.run.calibration.judges) or self.run.yardstick is not None

    @property
    def samples(self) -> Samples:
        """What recipes are judged on."""
        assert self.run.calibration is not None
        return self.run.calibration.held_out

    @cached_property
    def judge(self) -> SampleJudge:
        """Judges artifacts on a few of the samples."""
        from dlpuconv.verification.wholes import wholes_maker
        from dlpuconv.workflow.judging import SampleJudge

        run = self.run
        return SampleJudge(
            run.source,
            self.samples,
            self.backend,
            run.workspace / "trials" / f"{run.source.source.name}.{self.target.name}{self.target.suffix}",
            passes=self.passes,
            calibrated=self.calibrated,
            division=run.division,
            metric=run.yardstick,
            wholes=wholes_maker(run.source, run.division, run.request.verification.kinds),
            answers=run.subject.answers,
        )


def _with(recipe: Recipe, what: Proposal, sites: tuple[Detour | Gate | LayerGroups, ...]) -> Recipe:
    changed: dict[str, Any] = {what.value: sites}  # proposals are called as the recipe's fields
    return replace(recipe, **changed)

"""Why a file failed, and what would help: the first is measured, and the second tried, before either is said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from shlex import quote
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.decibel import Powers
from dlpuconv.errors import DlpuconvError
from dlpuconv.plugin.job import Splitting
from dlpuconv.quantization.plans import quick_plan, usual
from dlpuconv.quantization.recipe import Recipe
from dlpuconv.quantization.search import search
from dlpuconv.scheme import Granularity
from dlpuconv.verification.advice import FAST
from dlpuconv.verification.kinds.words import KindRow
from dlpuconv.verification.question import judges_by_kind, least_db
from dlpuconv.verification.rule import Severity
from dlpuconv.verification.rules.measured import MEASURED_RULES
from dlpuconv.verification.source_runner import source_runner
from dlpuconv.verification.translate import from_artifact, to_artifact
from dlpuconv.verification.verdict import decide
from dlpuconv.workflow.ends import cut_in_front, ending_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dlpuconv.analysis import BlamedLayer
    from dlpuconv.plugin import Artifact
    from dlpuconv.quantization.score import Score
    from dlpuconv.verification.output_parity import ParityReport
    from dlpuconv.verification.report import Report
    from dlpuconv.verification.rule import Finding
    from dlpuconv.workflow.run import Run
    from dlpuconv.workflow.workshop import Workshop

_MEASURED = frozenset(rule.id for rule in MEASURED_RULES)
_CLEARLY_DB, _CLEARLY = 3.0, 0.05
_SHARE = 0.5
_FED = 8
"""Samples that inputs are judged on."""
_AS_STATED = "Prepare the samples by the stated normalization, or state theirs (--mean and --std, or --preset). "
_MORE = "`dlpuconv analyze` shows the error of each layer, and its cause."


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something that was tried.

    Attributes:
        option: as it is typed.
        score: of what came of it.
        figure: the figure that decides, in words.
        passes: it would pass.
        agreement: that figure, where the measure of a kind decides; None where decibels or the user's metric do.
    """

    option: str
    score: Score
    figure: str
    passes: bool
    agreement: float | None = None

    def gains(self, now: Attempt) -> bool:
        """Whether the attempt is clearly better than the present state, by the figure that decides the verdict."""
        if self.agreement is not None and now.agreement is not None:
            return self.agreement >= now.agreement + _CLEARLY
        if self.score.metric is not None and now.score.metric is not None:
            return self.score.metric > now.score.metric
        return self.agreement is now.agreement and self.score.typical_db >= now.score.typical_db + _CLEARLY_DB


def diagnosed(report: Report, shop: Workshop, recipe: Recipe, blamed: Sequence[BlamedLayer]) -> Report:
    """A report that says why the file failed and what helps, where it failed for what was measured.

    Args:
        report: of a file that was just made.
        shop: where it was made.
        recipe: that it was made with.
        blamed: what each layer loses, the worst first; nothing where the backend cannot tell.
    """
    findings = list(report.findings)
    first = next(index for index, finding in enumerate(findings) if _is_loss(finding))
    shared = shared_scale(findings[first], report.parity)
    with shop.run.progress.stage(f"trying what helps {report.target}"):
        made = shop.emit(recipe)
        now = _attempt("", shop, made)
        fed = lost_at_inputs(shop, made, blamed)
        prepare = _AS_STATED if fed and made.links.bindings else ""
        fix = prepare + advice_in_words(now, list(_attempts(shop, recipe, blamed, mixed=bool(shared))))
    findings = [replace(finding, fix=fix) if _is_loss(finding) else finding for finding in findings]
    findings[first] = replace(findings[first], cause=shared or fed or cause_in_words(blamed))
    decision = decide(tuple(findings), strict=shop.run.request.verification.strict)
    return replace(report, findings=tuple(findings), verdict=decision.verdict, reasons=decision.reasons)


def can_be_diagnosed(report: Report, run: Run) -> bool:
    """Whether a file failed for what was measured on samples of the user's own, on which other files can be judged."""
    lost = any(map(_is_loss, report.findings))
    return lost and report.calibrated and run.calibration is not None and run.calibration.judges


def _is_loss(finding: Finding) -> bool:
    """Whether a rule about what a file computes made it fail."""
    return finding.severity is Severity.FAIL and finding.rule in _MEASURED


def shared_scale(finding: Finding, parity: ParityReport | None) -> str:
    """A clause on the output that is no good because its parts share one scale; empty where that is not why."""
    where = finding.hits[0].layer
    for output in parity.outputs if parity else ():
        name = output.source or output.name
        if output.starved and (where in (name, output.name) or where.startswith(f"{name}[")):
            return f"one scale is too coarse for all of {output.name!r}: {output.starved}"
    return ""


def lost_at_inputs(shop: Workshop, made: Artifact, blamed: Sequence[BlamedLayer]) -> str:
    """A clause on inputs that lose as much as the worst layer does, as where they are clipped; empty where none does.

    The source model itself runs on what the file's inputs hold of the samples.
    """
    worst = min((layer.error.alone_db for layer in blamed if layer.error.alone_db is not None), default=None)
    links = made.links
    if worst is None or shop.run.division is not None or any(port.part for port in links.inputs):
        return ""
    reference = source_runner(shop.run.source)
    powers: dict[str, Powers] = {}
    for sample in islice(shop.samples, _FED):
        codes = to_artifact(sample, links.inputs, links.bindings)
        held = {port.name: from_artifact(codes[port.name], port).astype(np.float32) for port in links.inputs}
        fed = {name: links.bindings[name].invert(x) if name in links.bindings else x for name, x in held.items()}
        got = reference.run({name: value.astype(sample[name].dtype) for name, value in fed.items()})
        for name, expected in reference.run(sample).items():
            powers.setdefault(name, Powers()).add(expected.astype(np.float64), got[name].astype(np.float64))
    left = min(
        (ratio for power in powers.values() if (ratio := power.decibels) is not None), default=worst + _CLEARLY_DB
    )
    if left > worst + 1.0:
        return ""
    return (
        f"most is lost before the first layer: fed what the file's inputs hold, the source itself keeps {left:.1f} dB"
    )


def cause_in_words(blamed: Sequence[BlamedLayer]) -> str:
    """A clause on the layers that cost most, and why; empty where nothing is known."""
    costs = [(layer, 10 ** (-layer.error.alone_db / 10)) for layer in blamed if layer.error.alone_db is not None]
    if not costs:
        return ""
    worst, cost = costs[0]
    name = f"{worst.error.names.title} ({worst.error.op})"
    figure = f"if only this layer is quantized, the outputs keep {worst.error.alone_db:.1f} dB"
    if cost >= _SHARE * sum(share for _, share in costs):
        return f"most is lost at {name}: {figure}; probable cause: {worst.explanation}"
    return f"many layers lose a part, {name} the most: {figure}; probable cause: {worst.explanation}"


def advice_in_words(now: Attempt, tried: Sequence[Attempt]) -> str:
    """What helps by what was tried: what passes, else what gains clearly; or that nothing does."""
    passing = [attempt for attempt in tried if attempt.passes]
    gaining = [attempt for attempt in tried if attempt.gains(now)]
    if passing:
        return f"It passes with {_ways(passing, '; or with ')}. {_MORE}"
    if gaining:
        closer = _ways(gaining, "; or with ")
        return f"Nothing that was tried passes (now {now.figure}), but it comes closer with {closer}. {_MORE}"
    if tried:
        return f"Nothing that was tried helps (now {now.figure}): {_ways(tried, '; ')}. {_MORE}"
    return f"No other option is known to help. {_MORE}"


def _ways(attempts: Sequence[Attempt], joint: str) -> str:
    return joint.join(f"{attempt.option} ({attempt.figure})" for attempt in attempts)


def _attempts(shop: Workshop, recipe: Recipe, blamed: Sequence[BlamedLayer], *, mixed: bool) -> Iterator[Attempt]:
    """The cheapest first, and nothing that is on already; where an output mixes ranges, first of all to split it."""
    wanted, backend = shop.run.request.quantization, shop.backend
    interface = shop.run.request.interface
    if mixed and interface.split_outputs is Splitting.OFF:
        parted = replace(interface, split_outputs=Splitting.AUTO)
        apart = shop.anew(replace(shop.run, request=replace(shop.run.request, interface=parted)))
        yield _attempt("--split-outputs auto", apart, apart.emit(recipe))
    if backend.follows_recipes and recipe.granularity is Granularity.PER_TENSOR:
        finer = replace(recipe, granularity=Granularity.PER_CHANNEL, overrides=())
        slow = ", which is slower on this chip" if finer.granularity in shop.target.context.discouraged else ""
        yield _attempt(f"--granularity per-channel{slow}", shop, shop.emit(finer))
    given = wanted.recipe is not None
    # a metric of the user's own may take minutes, and would be asked for each recipe
    if backend.follows_recipes and shop.run.yardstick is None and (given or wanted.effort.value == FAST):
        option = "a search for a recipe (without --recipe)" if given else "--effort balanced"
        plainest = Recipe(granularity=recipe.granularity, overrides=wanted.overrides)
        start = usual(plainest, shop.propose, made_up=not shop.calibrated)
        trials = search(start, shop.emit, shop.judge, quick_plan(shop.propose))
        yield _attempt(option, shop, shop.emit(next(trial.recipe for trial in trials if trial.chosen)))
    if (names := cut_in_front(shop.run, blamed)) and (ended := _ended(shop, names)) is not None:
        yield _attempt(f"--cut-at {quote(','.join(names))}", ended, ended.emit(recipe))


def _ended(shop: Workshop, names: tuple[str, ...]) -> Workshop | None:
    """A workshop for the network ended earlier; None if that cannot be converted."""
    try:
        return ending_at(shop, names)
    except DlpuconvError:
        return None


def _attempt(option: str, shop: Workshop, artifact: Artifact) -> Attempt:
    score, parity = shop.judge(artifact), shop.judge.parity(artifact)
    asked = shop.run.request.verification.min_sqnr
    by_kind = judges_by_kind(shop.target, asked, parity) and score.metric is None
    part = parity.decisive_kind(least_db(shop.target, asked, parity)) if by_kind else None
    figure = parity.summary if part is None else KindRow.of(part).figure
    if score.metric is not None:
        figure = f"a metric of {score.metric:.6g}"
    passes = score.passes and shop.judge.confirms(artifact)
    return Attempt(option, score, figure, passes, None if part is None else part.agreement)

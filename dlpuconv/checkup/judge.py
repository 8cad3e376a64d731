"""From a draft of a chip's file to what the chip would make of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.checkup.result import CheckedLayer, CheckOutcome, Checkup, Place, Suggestion
from dlpuconv.checkup.unmeasured import without_scales
from dlpuconv.placement import LayerPlacement, Placement, Processor, forecast, foresee
from dlpuconv.verification.advice import defaults
from dlpuconv.verification.engine import check
from dlpuconv.verification.rule import Severity
from dlpuconv.verification.rules import INPUT_RULES
from dlpuconv.verification.verdict import broken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.errors import DlpuconvError
    from dlpuconv.formats import FileView
    from dlpuconv.plugin import Draft, Target
    from dlpuconv.verification.misfit import Misfit
    from dlpuconv.verification.rule import Finding, Hit

_UNKNOWN = Placement()
"""Of a chip that says nothing: all runs on its accelerator; only the layers' figures are used."""


def refused(target: Target, reason: DlpuconvError) -> Checkup:
    """What there is to say where a conversion would end with an error."""
    return Checkup(target=target.name, outcome=CheckOutcome.UNSUPPORTED, problems=(str(reason),), status=reason.status)


def judge_draft(draft: Draft, target: Target, misfits: tuple[Misfit, ...] = ()) -> Checkup:
    """Forecast, and apply the chip's rules to all that does not depend on what would be measured.

    Args:
        draft: the file that would be made for the target.
        target: the chip.
        misfits: inputs that the network would be fed in another way than it was trained on.
    """
    settings = defaults(target.scheme.weights)
    context = replace(target.context, settings=settings, misfits=misfits, measured=False)
    view = without_scales(draft.view.named(draft.layers))
    known, unplaced = foresee(view, target.placement, context)
    found = known or forecast(view, _UNKNOWN, context)
    findings = check(view, (*INPUT_RULES, *target.rules), context)
    fatal = tuple(finding for finding in findings if finding.severity is Severity.FAIL)
    layers = _layers(view, found.layers, findings)
    return Checkup(
        target=target.name,
        outcome=CheckOutcome.FAILS if fatal else CheckOutcome.RUNS,
        problems=tuple(broken(finding) for finding in fatal),
        placement=known,
        layers=layers,
        suggestions=_suggestions(findings, layers, target.placement or _UNKNOWN),
        failures=fatal,
        warnings=(*draft.warnings, *unplaced),
        status=1 if fatal else 0,
    )


def _layers(view: FileView, placed: Sequence[LayerPlacement], findings: Sequence[Finding]) -> tuple[CheckedLayer, ...]:
    advice: dict[int, list[str]] = defaultdict(list)
    for finding in findings:
        for hit in finding.hits:
            if hit.index is not None:
                plain = hit.detail == view.layers[hit.index].op
                advice[hit.index].append(finding.rule if plain else f"{finding.rule}: {hit.detail}")
    return tuple(
        CheckedLayer(
            placement=placement,
            names=layer.names,
            shape=view.tensors[layer.outputs[0]].shape if layer.outputs else (),
            advice=tuple(advice[layer.index]),
        )
        for layer, placement in zip(view.layers, placed, strict=True)
    )


def _suggestions(
    findings: Sequence[Finding], layers: Sequence[CheckedLayer], facts: Placement
) -> tuple[Suggestion, ...]:
    limits, doubts = ({rule.id for rule in rules} for rules in (facts.limits, facts.doubts))
    on_cpu = {layer.placement.index for layer in layers if layer.placement.processor is Processor.CPU}
    made = [
        Suggestion(
            rule=finding.rule,
            sentence=finding.sentence,
            advice=finding.fix,
            to_accelerator=finding.rule in limits and any(hit.index in on_cpu for hit in finding.hits),
            places=_places(finding.hits, layers),
        )
        for finding in findings
        if finding.severity is Severity.WARN
    ]
    fed = {rule.id for rule in INPUT_RULES}  # first: what is fed wrongly is of no use wherever it runs
    return tuple(sorted(made, key=lambda s: (s.rule not in fed, not s.to_accelerator, s.rule in doubts, -s.macs)))


def _places(hits: Sequence[Hit], layers: Sequence[CheckedLayer]) -> tuple[Place, ...]:
    places = [_place(hit, None if hit.index is None else layers[hit.index]) for hit in hits]
    return tuple(sorted(places, key=lambda place: -place.macs))


def _place(hit: Hit, layer: CheckedLayer | None) -> Place:
    if layer is None:
        return Place(layer=hit.layer, label=hit.layer, node="", detail=hit.detail, macs=0)
    names = layer.names
    return Place(layer=names.title, label=names.label, node=names.node, detail=hit.detail, macs=layer.placement.macs)

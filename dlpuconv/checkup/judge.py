"""From a draft of a chip's file to what the chip would make of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.checkup.result import CheckedLayer, Checkup, Outcome, Place, Suggestion
from dlpuconv.placement import LayerPlacement, Placement, Processor, forecast
from dlpuconv.verification.advice import defaults
from dlpuconv.verification.engine import check
from dlpuconv.verification.rule import Context, Severity
from dlpuconv.verification.verdict import broken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.errors import DlpuconvError
    from dlpuconv.plugin import Draft, Target
    from dlpuconv.verification.rule import Finding, Hit

_UNKNOWN = Placement()
"""Of a chip that says nothing: all runs on its accelerator; only the layers' figures are used."""


def refused(target: Target, reason: DlpuconvError) -> Checkup:
    """What there is to say where a conversion would end with an error."""
    return Checkup(target=target.name, outcome=Outcome.UNSUPPORTED, problems=(str(reason),), status=reason.status)


def judge_draft(draft: Draft, target: Target, modules: Mapping[str, str]) -> Checkup:
    """Forecast, and apply the chip's rules.

    Args:
        draft: the file that would be made for the target.
        target: the chip.
        modules: PyTorch module path by node or value name of the source model.
    """
    context = replace(Context.of(target), settings=defaults(target.scheme.weights))
    found = forecast(draft.view, target.placement or _UNKNOWN, context)
    findings = check(draft.view, target.rules, context)
    fatal = tuple(finding for finding in findings if finding.severity is Severity.FAIL)
    layers = _layers(draft, found.layers, findings, modules)
    return Checkup(
        target=target.name,
        outcome=Outcome.FAILS if fatal else Outcome.RUNS,
        problems=tuple(broken(finding) for finding in fatal),
        placement=found if target.placement else None,
        layers=layers,
        suggestions=_suggestions(findings, layers, target.placement or _UNKNOWN),
        failures=fatal,
        warnings=draft.warnings,
        status=1 if fatal else 0,
    )


def _layers(
    draft: Draft, placed: Sequence[LayerPlacement], findings: Sequence[Finding], modules: Mapping[str, str]
) -> tuple[CheckedLayer, ...]:
    advice: dict[int, list[str]] = defaultdict(list)
    for finding in findings:
        for hit in finding.hits:
            if hit.index is not None:
                plain = hit.detail == draft.view.layers[hit.index].op
                advice[hit.index].append(finding.rule if plain else f"{finding.rule}: {hit.detail}")
    view = draft.view
    return tuple(
        CheckedLayer(
            placement=placement,
            source=source,
            module=modules.get(source, ""),
            shape=view.tensors[layer.outputs[0]].shape if layer.outputs else (),
            advice=tuple(advice[layer.index]),
        )
        for layer, placement, source in zip(view.layers, placed, draft.sources, strict=True)
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
    return tuple(sorted(made, key=lambda s: (not s.to_accelerator, s.rule in doubts, -s.macs)))


def _places(hits: Sequence[Hit], layers: Sequence[CheckedLayer]) -> tuple[Place, ...]:
    places = [_place(hit, None if hit.index is None else layers[hit.index]) for hit in hits]
    return tuple(sorted(places, key=lambda place: -place.macs))


def _place(hit: Hit, layer: CheckedLayer | None) -> Place:
    if layer is None:
        return Place(layer=hit.layer, node="", detail=hit.detail, macs=0)
    return Place(layer=layer.title, node=layer.source, detail=hit.detail, macs=layer.placement.macs)

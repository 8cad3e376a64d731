"""Rules about outputs whose kind is known: what counts of them must agree with the source's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dlpuconv.verification.kinds.bars import BARS
from dlpuconv.verification.rule import Hit, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dlpuconv.formats import FileView
    from dlpuconv.ir.output_kind import OutputKind
    from dlpuconv.verification.kinds.parity import KindParity
    from dlpuconv.verification.output_parity import OutputParity
    from dlpuconv.verification.rule import Context

_SENTENCES = {
    "scores": "Scores must pass a threshold, and be ranked, as the source's are.",
    "classes": "The highest class must be the source's.",
    "boxes": "Boxes must overlap with the source's.",
    "masks": "Masks must cover the areas of the source's.",
    "embeddings": "Embeddings must point where the source's do.",
}


def agrees(kind: OutputKind, _: FileView, context: Context) -> Iterator[Hit]:
    """The output must agree with the source's as closely as its kind requires."""
    bar = BARS[kind]
    for part in judged_parts(context):
        if part.kind is kind and part.measured and not part.good:
            yield Hit(f"{bar.measure}: {part.agreement:.1%}, where {bar.least:.1%} are required", part.title)


def judged_parts(context: Context) -> tuple[KindParity, ...]:
    """The parts of outputs that are judged by their kind."""
    return context.parity.judged_kinds if context.parity is not None and context.by_kind else ()


def is_judged_by_kind(output: OutputParity, context: Context) -> bool:
    """Whether something is known of an output beside its numbers."""
    return context.parity is not None and context.by_kind and bool(context.parity.kinds_of(output))


def severity_by_kind(output: OutputParity, context: Context) -> Severity | None:
    """What a doubt does to an output whose kind's measure is good throughout: a warning; else the rule's own.

    A score that stays short of the source's highest is no failure as long as it passes the thresholds and is ranked as
    the source's; whoever reads it with a high threshold of his own should know.
    """
    if context.parity is None or not is_judged_by_kind(output, context):
        return None
    return Severity.WARN if all(part.good for part in context.parity.kinds_of(output)) else None


def rules_of_kinds(fix: str | Callable[[Context], str], source: str) -> tuple[Rule, ...]:
    """One rule for each kind that has a measure."""
    return tuple(
        Rule(
            id=f"OUT-{kind.value.upper()}",
            severity=Severity.FAIL,
            sentence=_SENTENCES[kind.value],
            source=f"{source}; docs/verdicts.md",
            check=partial(agrees, kind),
            fix=fix,
        )
        for kind in BARS
    )

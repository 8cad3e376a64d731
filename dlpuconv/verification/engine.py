"""Runs rules on a file: every finding is collected, and reported once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import PluginError, UsageError, did_you_mean
from dlpuconv.language.brief import listed
from dlpuconv.verification.rule import Finding, Hit, Severity, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dlpuconv.formats.view import FileView
    from dlpuconv.verification.rule import Context, Rule


def screen(ignore: Iterable[str], rules: Iterable[Rule]) -> None:
    """Check that there are such rules.

    Raises:
        UsageError: there is no rule of such an id.
    """
    known = {rule.id for rule in rules}
    for wrong in sorted(set(ignore) - known):
        raise UsageError(
            f"no rule {wrong!r} to ignore{did_you_mean(wrong, known)}; there are {listed(sorted(known), len(known))}",
            id="rule-unknown",
        )


def check(view: FileView, rules: Sequence[Rule], context: Context, ignore: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Every rule that is broken, fatal ones first, each once with all its places.

    A rule whose places differ in severity gives two findings. One whose own code fails gives a finding of its severity
    that says so, and keeps no other from being judged: a file may not pass for lack of a judgement.

    Args:
        view: the file.
        rules: those of every file, then the target's.
        context: what rules need to know beside the file.
        ignore: ids that do not count.
    """
    ignored = set(ignore)
    found: list[Finding] = []
    for rule in rules:
        broken = [] if rule.id in ignored else list(_findings(rule, view, context))
        found += broken
        if rule.decisive and any(finding.status is Status.BROKEN for finding in broken):
            break
    return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.FAIL))


def _findings(rule: Rule, view: FileView, context: Context) -> Iterator[Finding]:
    try:
        places = rule.places(view, context)
    except PluginError as error:
        yield _failed(rule, error)
        return
    by_severity: dict[Severity, list[Hit]] = {}
    for hit in places:
        by_severity.setdefault(hit.severity or rule.severity, []).append(hit)
    for severity, hits in by_severity.items():
        yield Finding(
            rule=rule.id,
            severity=severity,
            sentence=rule.sentence,
            hits=tuple(hits),
            fix=_advice(rule, context),
            source=rule.source,
        )


def _advice(rule: Rule, context: Context) -> str:
    """The place stands, whatever becomes of the advice."""
    try:
        return rule.advise(context)
    except PluginError as error:
        return f"{error}."


def _failed(rule: Rule, error: PluginError) -> Finding:
    text = str(error)
    return Finding(
        rule=rule.id,
        severity=rule.severity,
        sentence=f"{text[:1].upper()}{text[1:]}.",
        hits=(Hit(f"not judged: {rule.sentence}"),),
        fix=f"Report this to the author of the rule. `dlpuconv verify --ignore {rule.id}` leaves the rule out.",
        source=rule.source,
        status=Status.FAILED_TO_JUDGE,
    )

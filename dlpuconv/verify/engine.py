"""Runs rules on a file: every finding is collected, and reported once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError, did_you_mean
from dlpuconv.verify.rule import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dlpuconv.formats.view import FileView
    from dlpuconv.verify.rule import Context, Hit, Rule


def check(view: FileView, rules: Sequence[Rule], context: Context, ignore: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Every rule that is broken, fatal ones first, each once with all its places.

    A rule whose places differ in severity gives two findings.

    Raises:
        UsageError: `ignore` names a rule that the target does not have.
    """
    ignored = set(ignore)
    known = {rule.id for rule in rules}
    for wrong in sorted(ignored - known):
        raise UsageError(
            f"no rule {wrong!r} to ignore{did_you_mean(wrong, known)}; the target has {', '.join(sorted(known))}"
        )
    found = [finding for rule in rules if rule.id not in ignored for finding in _findings(rule, view, context)]
    return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.FAIL))


def _findings(rule: Rule, view: FileView, context: Context) -> Iterator[Finding]:
    places: dict[Severity, list[Hit]] = {}
    for hit in rule.check(view, context):
        places.setdefault(hit.severity or rule.severity, []).append(hit)
    for severity, hits in places.items():
        yield Finding(rule=rule.id, severity=severity, sentence=rule.sentence, hits=tuple(hits), fix=rule.fix)

"""Runs rules on a file: every finding is collected, and reported once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError, did_you_mean
from dlpuconv.verify.rule import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dlpuconv.formats.view import FileView
    from dlpuconv.verify.rule import Context, Hit, Rule


def check(
    view: FileView,
    rules: Sequence[Rule],
    context: Context,
    ignore: Iterable[str] = (),
    *,
    others: Iterable[str] = (),
) -> tuple[Finding, ...]:
    """Every rule that is broken, fatal ones first, each once with all its places.

    A rule whose places differ in severity gives two findings.

    Args:
        view: the file.
        rules: the target's.
        context: what rules need to know beside the file.
        ignore: ids that do not count.
        others: ids of what is checked elsewhere, which may be ignored as well.

    Raises:
        UsageError: `ignore` names a rule that there is not.
    """
    ignored = set(ignore)
    known = {rule.id for rule in rules} | set(others)
    for wrong in sorted(ignored - known):
        raise UsageError(
            f"no rule {wrong!r} to ignore{did_you_mean(wrong, known)}; there are {', '.join(sorted(known))}"
        )
    found = [finding for rule in rules if rule.id not in ignored for finding in _findings(rule, view, context)]
    return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.FAIL))


def _findings(rule: Rule, view: FileView, context: Context) -> Iterator[Finding]:
    places: dict[Severity, list[Hit]] = {}
    for hit in rule.check(view, context):
        places.setdefault(hit.severity or rule.severity, []).append(hit)
    for severity, hits in places.items():
        yield Finding(rule=rule.id, severity=severity, sentence=rule.sentence, hits=tuple(hits), fix=rule.fix)

"""Runs rules on a file: every finding is collected, and reported once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError, did_you_mean
from dlpuconv.verification.rule import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dlpuconv.formats.view import FileView
    from dlpuconv.verification.rule import Context, Hit, Rule


def screen(ignore: Iterable[str], rules: Iterable[Rule]) -> None:
    """Check that there are such rules.

    Raises:
        UsageError: there is no rule of such an id.
    """
    known = {rule.id for rule in rules}
    for wrong in sorted(set(ignore) - known):
        raise UsageError(
            f"no rule {wrong!r} to ignore{did_you_mean(wrong, known)}; there are {', '.join(sorted(known))}"
        )


def check(view: FileView, rules: Sequence[Rule], context: Context, ignore: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Every rule that is broken, fatal ones first, each once with all its places.

    A rule whose places differ in severity gives two findings.

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
        if broken and rule.decisive:
            break
    return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.FAIL))


def _findings(rule: Rule, view: FileView, context: Context) -> Iterator[Finding]:
    places: dict[Severity, list[Hit]] = {}
    for hit in rule.check(view, context):
        places.setdefault(hit.severity or rule.severity, []).append(hit)
    for severity, hits in places.items():
        yield Finding(
            rule=rule.id,
            severity=severity,
            sentence=rule.sentence,
            hits=tuple(hits),
            fix=rule.advise(context),
            source=rule.source,
        )

"""From findings to a verdict, with a sentence for each reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.language.brief import more
from dlpuconv.verification.report import Verdict
from dlpuconv.verification.rule import Severity

if TYPE_CHECKING:
    from dlpuconv.verification.rule import Finding


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and why."""

    verdict: Verdict
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the file."""
        return not self.reasons


def decide(findings: tuple[Finding, ...], *, strict: bool = False) -> Decision:
    """The verdict.

    Args:
        findings: broken rules.
        strict: warnings fail as well.
    """
    reasons = tuple(broken(finding) for finding in findings if strict or finding.severity is Severity.FAIL)
    return Decision(Verdict.FAIL if reasons else Verdict.PASS, reasons)


def broken(finding: Finding) -> str:
    """The rule's sentence with its first place."""
    first = finding.hits[0]
    where = f"{first.layer}: {first.detail}" if first.layer else first.detail
    left = more(len(finding.hits) - 1)
    why = f"; {finding.cause}" if finding.cause else ""
    return f"{finding.rule}: {finding.sentence} ({where}{left and f', {left}'}){why}"

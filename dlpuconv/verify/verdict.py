"""From findings and figures to a verdict, with a sentence for each reason.

Rules decide. Parity fails a file only where an output is dead or too far from the source to be of use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.scheme import Granularity
from dlpuconv.verify.report import Verdict
from dlpuconv.verify.rule import Severity

if TYPE_CHECKING:
    from dlpuconv.verify.granularity import GranularitySummary
    from dlpuconv.verify.metric import MetricScore
    from dlpuconv.verify.report import OutputParity, ParityReport
    from dlpuconv.verify.rule import Finding

DEFAULT_MIN_SQNR_DB = 10.0
"""What every output must reach where the user does not say."""

_COLLAPSE = (
    " This is what per-tensor weights do to networks whose channels differ much in range:"
    " --granularity per-channel keeps the accuracy where the chip can afford it,"
    " and --override 'LAYERS=per-channel' does so for some layers only."
)
_RANDOM = " (The samples are made up: with real ones the figures mean more.)"


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and why."""

    verdict: Verdict
    reasons: tuple[str, ...]


def decide(
    findings: tuple[Finding, ...],
    parity: ParityReport | None,
    weights: GranularitySummary,
    *,
    min_sqnr: float,
    strict: bool = False,
    metric: MetricScore | None = None,
) -> Decision:
    """The verdict.

    Args:
        findings: broken rules.
        parity: the comparison with the source, if there was one.
        weights: how the weights are quantized.
        min_sqnr: dB that every output must reach.
        strict: warnings fail as well.
        metric: the user's own, which fails a file that loses more than the user allows.
    """
    counted = [f for f in findings if strict or f.severity is Severity.FAIL]
    reasons = [_broken(finding) for finding in counted]
    if parity is not None:
        per_tensor = bool(weights.count(Granularity.PER_TENSOR)) and not weights.count(Granularity.PER_CHANNEL)
        hint = _COLLAPSE if per_tensor else ""
        hint += "" if parity.calibrated else _RANDOM
        reasons += [text + hint for output in parity.outputs if (text := _unlike(output, min_sqnr))]
    if metric is not None and metric.reason:
        reasons.append(metric.reason)
    return Decision(Verdict.FAIL if reasons else Verdict.PASS, tuple(reasons))


def _broken(finding: Finding) -> str:
    """The rule's sentence with its first place."""
    first = finding.hits[0]
    where = f"{first.layer}: {first.detail}" if first.layer else first.detail
    more = f", and {len(finding.hits) - 1} more" if len(finding.hits) > 1 else ""
    return f"{finding.rule}: {finding.sentence} ({where}{more})"


def _unlike(output: OutputParity, min_sqnr: float) -> str:
    if output.fault:
        return f"the output {output.name!r} is of no use: {output.fault}."
    if output.dead:
        return f"the output {output.name!r} is dead: {output.dead}."
    if output.sqnr_db is not None and output.sqnr_db < min_sqnr:
        return (
            f"the output {output.name!r} agrees with the source to {output.sqnr_db:.1f} dB only,"
            f" {min_sqnr:g} dB are asked for."
        )
    return ""

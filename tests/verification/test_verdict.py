"""From findings to a verdict."""

from __future__ import annotations

import json

from dlpuconv.scheme import Granularity
from dlpuconv.verification.granularity import GranularitySummary, LayerGranularity
from dlpuconv.verification.output_parity import OutputParity, ParityReport
from dlpuconv.verification.report import Verdict
from dlpuconv.verification.rule import Finding, Hit, Severity
from dlpuconv.verification.verdict import decide

PER_TENSOR = GranularitySummary(
    (LayerGranularity(name="a", op="CONV_2D", granularity=Granularity.PER_TENSOR, scales=1, dtype="int8"),)
)
PER_CHANNEL = GranularitySummary(
    (LayerGranularity(name="a", op="CONV_2D", granularity=Granularity.PER_CHANNEL, scales=8, dtype="int8"),)
)


def finding(severity: Severity) -> Finding:
    return Finding(rule="R", severity=severity, sentence="It must.", hits=(Hit("not so", "l1"), Hit("nor here", "l2")))


def test_rules_decide() -> None:
    assert decide(()).verdict is Verdict.PASS
    failed = decide((finding(Severity.FAIL),))
    assert failed.verdict is Verdict.FAIL
    assert failed.reasons == ("R: It must. (l1: not so, and 1 more)",)


def test_warnings_fail_only_when_strict() -> None:
    warned = (finding(Severity.WARN),)
    assert decide(warned).verdict is Verdict.PASS
    assert decide(warned, strict=True).verdict is Verdict.FAIL


def test_labels_have_no_ratio() -> None:
    labels = OutputParity(name="y", sqnr_db=None, exact=False, cosine=None, max_error=897.0, peak=9.0, equal=0.75)
    report = ParityReport(samples=1, outputs=(labels,))
    assert not report.rated
    found = report.to_json()
    assert (found["min_sqnr_db"], found["exact"]) == (None, False)
    assert json.loads(json.dumps(found))["outputs"][0]["equal"] == 0.75


def test_exact_parity_is_json_without_infinity() -> None:
    same = OutputParity(name="y", sqnr_db=None, exact=True, cosine=1.0, max_error=0.0, peak=2.0)
    report = ParityReport(samples=4, outputs=(same,))
    assert report.exact
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))["outputs"][0]["sqnr_db"] is None


def test_granularities_are_counted() -> None:
    both = GranularitySummary((*PER_TENSOR.layers, *PER_TENSOR.layers, *PER_CHANNEL.layers))
    assert PER_TENSOR.summary == "per-tensor"
    assert both.summary == "2 per-tensor, 1 per-channel"
    assert GranularitySummary(()).summary == "no weights"

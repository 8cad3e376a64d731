"""From findings and figures to a verdict."""

from __future__ import annotations

import json

from dlpuconv.scheme import Granularity
from dlpuconv.verify.granularity import GranularitySummary, LayerGranularity
from dlpuconv.verify.metric import MetricScore
from dlpuconv.verify.report import OutputParity, ParityReport, Verdict
from dlpuconv.verify.rule import Finding, Hit, Severity
from dlpuconv.verify.verdict import decide

PER_TENSOR = GranularitySummary(
    (LayerGranularity(name="a", op="CONV_2D", granularity=Granularity.PER_TENSOR, scales=1, dtype="int8"),)
)
PER_CHANNEL = GranularitySummary(
    (LayerGranularity(name="a", op="CONV_2D", granularity=Granularity.PER_CHANNEL, scales=8, dtype="int8"),)
)


def parity(sqnr: float | None, *, dead: str = "", calibrated: bool = True) -> ParityReport:
    output = OutputParity(
        name="y", sqnr_db=sqnr, exact=sqnr is None and not dead, cosine=0.9, max_error=1.0, peak=2.0, dead=dead
    )
    return ParityReport(samples=4, outputs=(output,), calibrated=calibrated)


def finding(severity: Severity) -> Finding:
    return Finding(rule="R", severity=severity, sentence="It must.", hits=(Hit("not so", "l1"), Hit("nor here", "l2")))


def test_rules_decide() -> None:
    assert decide((), parity(40.0), PER_TENSOR, min_sqnr=10).verdict is Verdict.PASS
    assert decide((), None, PER_TENSOR, min_sqnr=10).verdict is Verdict.PASS
    failed = decide((finding(Severity.FAIL),), parity(40.0), PER_TENSOR, min_sqnr=10)
    assert failed.verdict is Verdict.FAIL
    assert failed.reasons == ("R: It must. (l1: not so, and 1 more)",)


def test_warnings_fail_only_when_strict() -> None:
    warned = (finding(Severity.WARN),)
    assert decide(warned, None, PER_TENSOR, min_sqnr=10).verdict is Verdict.PASS
    assert decide(warned, None, PER_TENSOR, min_sqnr=10, strict=True).verdict is Verdict.FAIL


def test_a_collapsed_per_tensor_model_fails_with_a_sentence_that_says_so() -> None:
    (reason,) = decide((), parity(3.14), PER_TENSOR, min_sqnr=10).reasons
    assert "'y' agrees with the source to 3.1 dB only, 10 dB are asked for" in reason
    assert "per-tensor" in reason
    assert "--granularity per-channel" in reason


def test_a_poor_per_channel_model_is_not_blamed_on_its_granularity() -> None:
    (reason,) = decide((), parity(3.14), PER_CHANNEL, min_sqnr=10).reasons
    assert "per-tensor" not in reason


def test_the_limit_is_the_users() -> None:
    assert decide((), parity(10.0), PER_TENSOR, min_sqnr=10).verdict is Verdict.PASS
    assert decide((), parity(30.0), PER_TENSOR, min_sqnr=31).verdict is Verdict.FAIL


def test_a_dead_output_fails_whatever_its_ratio() -> None:
    (reason,) = decide((), parity(None, dead="it is 0 everywhere"), PER_CHANNEL, min_sqnr=-100).reasons
    assert reason == "the output 'y' is dead: it is 0 everywhere."


def test_a_fault_fails_with_its_sentence_before_any_figure() -> None:
    faulty = OutputParity(
        name="y", sqnr_db=-200.0, exact=False, cosine=1.0, max_error=0.0, peak=1.0, fault="it has 1 value that is NaN"
    )
    decision = decide((), ParityReport(samples=1, outputs=(faulty,)), PER_CHANNEL, min_sqnr=10)
    assert decision.verdict is Verdict.FAIL
    assert decision.reasons == ("the output 'y' is of no use: it has 1 value that is NaN.",)


def test_labels_do_not_decide_by_a_ratio() -> None:
    labels = OutputParity(name="y", sqnr_db=None, exact=False, cosine=None, max_error=897.0, peak=9.0, equal=0.75)
    report = ParityReport(samples=1, outputs=(labels,))
    assert decide((), report, PER_CHANNEL, min_sqnr=10).verdict is Verdict.PASS
    assert not report.rated
    found = report.to_json()
    assert (found["min_sqnr_db"], found["exact"]) == (None, False)
    assert json.loads(json.dumps(found))["outputs"][0]["equal"] == 0.75


def test_random_samples_are_marked() -> None:
    (reason,) = decide((), parity(3.0, calibrated=False), PER_CHANNEL, min_sqnr=10).reasons
    assert "made up" in reason


def test_exact_parity_is_json_without_infinity() -> None:
    report = parity(None)
    assert report.exact
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))["outputs"][0]["sqnr_db"] is None


def test_granularities_are_counted() -> None:
    both = GranularitySummary((*PER_TENSOR.layers, *PER_TENSOR.layers, *PER_CHANNEL.layers))
    assert PER_TENSOR.summary == "per-tensor"
    assert both.summary == "2 per-tensor, 1 per-channel"
    assert GranularitySummary(()).summary == "no weights"


def test_a_metric_that_falls_by_more_than_the_user_allows_fails_the_file() -> None:
    def decided(max_drop: float | None) -> tuple[str, ...]:
        score = MetricScore(name="m:f", source=0.9, value=0.85, max_drop=max_drop)
        return decide((), parity(40.0), PER_CHANNEL, min_sqnr=10, metric=score).reasons

    assert decided(0.01) == ("the metric m:f falls from 0.9 to 0.85, 0.05 lower, where --max-drop allows 0.01.",)
    assert decided(0.05) == decided(None) == ()

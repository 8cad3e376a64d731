"""What a comparison with the source makes of a file: each figure breaks the rule that is meant, and no other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.scheme import Granularity
from dlpuconv.verification.columns import Columns
from dlpuconv.verification.engine import check
from dlpuconv.verification.metric import MetricScore
from dlpuconv.verification.output_parity import OutputParity, ParityReport
from dlpuconv.verification.rule import Context, Severity
from dlpuconv.verification.rules.measured import MEASURED_RULES
from tests.verification.tflite_models import activation, conv, one_op

SAME = OutputParity(name="y", sqnr_db=40.0, exact=False, cosine=0.9, max_error=1.0, peak=2.0)
PER_TENSOR = parse_tflite(one_op(conv(activation("x", (1, 8, 8, 3)), "y", 4)))
PER_CHANNEL = parse_tflite(one_op(conv(activation("x", (1, 8, 8, 3)), "y", 4, scale=[0.01, 0.02, 0.03, 0.04])))


def found(*outputs: OutputParity, view: Any = PER_CHANNEL, calibrated: bool = True, **known: Any) -> dict[str, Any]:
    parity = ParityReport(samples=4, outputs=outputs, calibrated=calibrated)
    context = Context(weights=Granularity.PER_TENSOR, parity=parity, **known)
    return {finding.rule: finding for finding in check(view, MEASURED_RULES, context)}


def test_an_output_like_the_sources_breaks_nothing() -> None:
    assert found(SAME) == {}
    assert check(PER_TENSOR, MEASURED_RULES, Context(weights=Granularity.PER_TENSOR)) == ()


def test_an_output_that_falls_short_fails_with_its_figure() -> None:
    finding = found(replace(SAME, sqnr_db=3.14), view=PER_TENSOR)["OUT-SQNR"]
    assert finding.severity is Severity.FAIL
    assert finding.hits[0].layer == "y"
    assert finding.hits[0].detail == "3.1 dB, where 10 dB are required"


def test_that_figures_are_of_synthetic_samples_is_told_once() -> None:
    poor = replace(SAME, sqnr_db=3.14)
    first, second = found(poor, replace(poor, name="z"), calibrated=False)["OUT-SQNR"].hits
    assert "synthetic" in first.detail
    assert second.detail == "3.1 dB, where 10 dB are required"


def test_the_limit_is_the_users() -> None:
    assert found(replace(SAME, sqnr_db=10.0), min_sqnr=10) == {}
    assert set(found(replace(SAME, sqnr_db=30.0), min_sqnr=31)) == {"OUT-SQNR"}


def test_a_dead_output_fails_whatever_its_ratio() -> None:
    broken = found(replace(SAME, sqnr_db=-3.0, dead="it is 0 everywhere"), min_sqnr=-100)
    assert set(broken) == {"OUT-DEAD"}
    assert (broken["OUT-DEAD"].severity, broken["OUT-DEAD"].hits[0].detail) == (Severity.FAIL, "it is 0 everywhere")


def test_a_fault_fails_with_its_sentence_and_no_figure() -> None:
    broken = found(replace(SAME, sqnr_db=-200.0, fault="it has 1 value that is NaN"))
    assert {rule: finding.hits[0].detail for rule, finding in broken.items()} == {
        "OUT-FAULT": "it has 1 value that is NaN"
    }


def test_labels_do_not_decide_by_a_ratio() -> None:
    assert found(replace(SAME, sqnr_db=None, equal=0.75)) == {}


def test_random_samples_are_marked() -> None:
    assert "synthetic" in found(replace(SAME, sqnr_db=3.0), calibrated=False)["OUT-SQNR"].hits[0].detail


def test_a_metric_that_falls_by_more_than_the_user_allows_fails_the_file() -> None:
    def decided(max_drop: float | None) -> list[str]:
        score = MetricScore(name="m:f", source=0.9, value=0.85, max_drop=max_drop)
        return [hit.detail for finding in found(SAME, metric=score).values() for hit in finding.hits]

    assert decided(0.01) == ["m:f falls from 0.9 to 0.85, 0.05 lower, where --max-drop allows 0.01"]
    assert decided(0.05) == decided(None) == []


def test_scores_that_share_the_scale_of_boxes_are_told() -> None:
    """[1, 6, 100]: four rows of 0 to 640, two of 0 to 0.5, a step of 2.5."""
    columns = Columns()
    values = np.linspace(0, 1, 100)[None, None] * np.array([640, 640, 640, 640, 0.5, 0.25])[None, :, None]
    columns.add(values)
    assert columns.starved(2.5) == (
        "2 of 6 slices along axis 1 span 0.5 at most, 0.2 steps of the scale, since others span 640 and more"
    )
    assert columns.starved(0.002) == ""  # fine enough for both
    finding = found(replace(SAME, starved=columns.starved(2.5)))["OUT-RANGES"]
    assert finding.severity is Severity.WARN


def test_classes_that_no_sample_shows_are_not_taken_for_starved() -> None:
    """Widths from 1 down to 1/256, each half the one before."""
    columns = Columns()
    columns.add(np.linspace(0, 1, 50)[None, :, None] * 0.5 ** np.arange(9)[None, None, :])
    assert columns.starved(1 / 128) == ""


SCORES = replace(SAME, span=(0.0, 0.84), reached=(0.0, 0.84))


def test_scores_that_can_never_exceed_a_half_fail_whatever_the_decibels_say() -> None:
    finding = found(replace(SCORES, reach=(0.0, 0.5), reached=(0.0, 0.5)))["OUT-REACH"]
    assert finding.severity is Severity.FAIL
    assert [hit.detail for hit in finding.hits] == ["it can never exceed 0.5, where the source goes up to 0.84"]


def test_scores_that_never_come_near_zero_fail() -> None:
    (hit,) = found(replace(SCORES, reach=(0.047, 0.996), reached=(0.047, 0.84)))["OUT-REACH"].hits
    assert hit.detail == "it can never fall below 0.047, where the source goes down to 0"


def test_logits_that_end_at_zero_fail_although_little_of_their_span_is_lost() -> None:
    """1.66 of 16.66: a score of 0.84 becomes one of 0.5."""
    assert set(found(replace(SAME, span=(-15.0, 1.66), reached=(-15.0, 0.0), reach=(-15.0, 0.0)))) == {"OUT-REACH"}


def test_held_out_samples_may_go_a_little_beyond_those_of_calibration() -> None:
    assert found(replace(SAME, span=(-8.0, 23.0), reached=(-8.0, 20.0), reach=(-8.0, 20.0))) == {}


def test_detections_that_are_cut_off_on_the_way_to_the_output_fail_too() -> None:
    """The output's own codes go to 1; an activation in front of it saturates."""
    (hit,) = found(replace(SCORES, reach=(0.0, 0.996), reached=(0.0, 0.6)))["OUT-REACH"].hits
    assert hit.detail == "it goes up to 0.6 only, where the source goes up to 0.84"


def test_a_noisy_output_fails_for_its_noise_alone() -> None:
    assert set(found(replace(SCORES, sqnr_db=5.0, reach=(0.0, 0.996), reached=(0.0, 0.6)))) == {"OUT-SQNR"}


def test_noise_at_the_ends_is_no_cut() -> None:
    assert found(replace(SCORES, reach=(0.0, 0.996), reached=(0.0, 0.76))) == {}


def test_an_output_whose_codes_set_no_limit_is_not_judged_by_them() -> None:
    assert found(replace(SCORES, reach=None)) == {}

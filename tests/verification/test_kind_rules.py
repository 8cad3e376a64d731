"""Outputs of a known kind are judged by what counts of them, and others by decibels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.ir.output_kind import OutputKind
from dlpuconv.registry import load_target
from dlpuconv.scheme import Granularity
from dlpuconv.verification.engine import check
from dlpuconv.verification.kinds.bars import BARS
from dlpuconv.verification.kinds.parity import KindParity
from dlpuconv.verification.output_parity import OutputParity, ParityReport
from dlpuconv.verification.question import judges_by_kind
from dlpuconv.verification.rule import Context, Severity
from dlpuconv.verification.rules.measured import MEASURED_RULES
from tests.verification.tflite_models import activation, conv, one_op

POOR = OutputParity(name="y", sqnr_db=3.0, exact=False, cosine=0.9, max_error=1.0, peak=2.0)
GOOD_SCORES = KindParity(name="y", kind=OutputKind.SCORES, agreement=0.97, sqnr_db=3.0)
VIEW = parse_tflite(one_op(conv(activation("x", (1, 8, 8, 3)), "y", 4)))


def found(parity: ParityReport, *, by_kind: bool = True) -> dict[str, Any]:
    context = Context(weights=Granularity.PER_TENSOR, parity=parity, by_kind=by_kind)
    return {finding.rule: finding for finding in check(VIEW, MEASURED_RULES, context)}


def report(*kinds: KindParity, output: OutputParity = POOR, **more: Any) -> ParityReport:
    return ParityReport(samples=4, outputs=(output,), kinds=kinds, **more)


def test_scores_that_agree_pass_whatever_their_decibels() -> None:
    assert found(report(GOOD_SCORES)) == {}


def test_decibels_decide_where_they_were_asked_for() -> None:
    assert list(found(report(GOOD_SCORES), by_kind=False)) == ["OUT-SQNR"]


@pytest.mark.parametrize("kind", list(BARS))
def test_each_kind_has_a_rule_of_its_own(kind: OutputKind) -> None:
    part = KindParity(name="y", kind=kind, place="[:, 0:4]", agreement=BARS[kind].least - 0.01, sqnr_db=50.0)
    (finding,) = found(report(part)).values()
    assert (finding.rule, finding.severity) == (f"OUT-{kind.value.upper()}", Severity.FAIL)
    assert finding.hits[0].layer == "y[:, 0:4]"
    assert found(report(replace(part, agreement=BARS[kind].least))) == {}


def test_a_part_that_the_samples_tell_nothing_of_is_judged_by_its_own_decibels() -> None:
    quiet = KindParity(name="y", kind=OutputKind.SCORES, agreement=None, sqnr_db=12.0)
    assert found(report(quiet)) == {}
    values = KindParity(name="y", kind=OutputKind.VALUES, place="[:, 4:6]", sqnr_db=2.5, of_passing=True)
    hit = found(report(GOOD_SCORES, values))["OUT-SQNR"].hits[0]
    assert (hit.layer, hit.detail) == ("y[:, 4:6]", "2.5 dB where a score passes; 10 dB are required")


def test_the_other_outputs_are_judged_as_ever() -> None:
    both = ParityReport(samples=4, outputs=(POOR, replace(POOR, name="z")), kinds=(GOOD_SCORES,))
    assert [hit.layer for hit in found(both)["OUT-SQNR"].hits] == ["z"]


def test_a_part_of_an_output_is_judged_as_that_output() -> None:
    part = replace(POOR, name="y_0", source="y")
    assert found(report(GOOD_SCORES, output=part)) == {}


def test_scores_that_agree_but_stay_short_of_the_source_s_highest_are_a_warning() -> None:
    short = replace(POOR, sqnr_db=15.0, span=(0.0, 0.9), reached=(0.0, 0.6))
    assert found(report(output=short))["OUT-REACH"].severity is Severity.FAIL
    assert found(report(GOOD_SCORES, output=short))["OUT-REACH"].severity is Severity.WARN


def test_an_output_that_stands_still_fails_although_most_of_its_classes_are_right() -> None:
    """As of a network that looks for what is rare."""
    classes = KindParity(name="y", kind=OutputKind.CLASSES, agreement=0.98, sqnr_db=30.0)
    dead = replace(POOR, dead="it is the same for all 50 samples")
    assert found(report(classes, output=dead))["OUT-DEAD"].severity is Severity.FAIL


def test_behind_a_tail_the_kinds_of_all_outputs_decide_and_else_the_cut_s_decibels_as_well() -> None:
    masks = KindParity(name="m", kind=OutputKind.MASKS, agreement=0.95, behind=True)
    behind = replace(POOR, name="m")
    assert found(report(masks, behind=(behind,))) == {}
    assert list(found(report(replace(masks, agreement=0.5), behind=(behind,)))) == ["OUT-MASKS"]
    assert list(found(report(masks, behind=(behind, replace(POOR, name="other"))))) == ["OUT-SQNR"]


def test_kinds_decide_on_real_samples_and_quantized_numbers_alone() -> None:
    real = report(GOOD_SCORES)
    assert judges_by_kind(load_target("artpec8"), None, real)
    assert not judges_by_kind(load_target("artpec8"), 10.0, real)
    assert not judges_by_kind(load_target("cv25"), None, real)
    assert not judges_by_kind(load_target("artpec8"), None, replace(real, calibrated=False))
    assert not judges_by_kind(load_target("artpec8"), None, None)
    assert not judges_by_kind(replace(load_target("artpec8"), min_sqnr=20.0), None, real)

"""Findings are collected, ordered, softened and ignored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NoReturn

import pytest

from dlpuconv.formats import FileView
from dlpuconv.scheme import Granularity
from dlpuconv.verification.engine import check, screen
from dlpuconv.verification.rule import Context, Finding, Hit, Rule, Severity, Status
from dlpuconv.verification.verdict import decide
from tests.error_ids import raises_error

EMPTY = FileView(format="tflite", tensors=(), layers=(), inputs=(), outputs=())
CONTEXT = Context(weights=Granularity.PER_TENSOR)
TOYS = replace(CONTEXT, target="the target 'toy' (distribution toychip)")


def rule(name: str, severity: Severity, *hits: Hit) -> Rule:
    return Rule(id=name, severity=severity, sentence=f"{name} must hold.", source="a test", check=lambda *_: hits)


def test_fatal_findings_come_first_and_hold_every_place() -> None:
    rules = [
        rule("W", Severity.WARN, Hit("w")),
        rule("OK", Severity.FAIL),
        rule("F", Severity.FAIL, Hit("1"), Hit("2")),
    ]
    found = check(EMPTY, rules, CONTEXT)
    assert [(f.rule, len(f.hits)) for f in found] == [("F", 2), ("W", 1)]


def test_a_rule_whose_places_differ_in_severity_gives_two_findings() -> None:
    found = check(EMPTY, [rule("R", Severity.FAIL, Hit("soft", severity=Severity.WARN), Hit("hard"))], CONTEXT)
    assert [(f.severity, f.hits[0].detail) for f in found] == [(Severity.FAIL, "hard"), (Severity.WARN, "soft")]


def test_an_ignored_rule_does_not_count() -> None:
    assert check(EMPTY, [rule("R-1", Severity.FAIL, Hit("x"))], CONTEXT, {"R-1"}) == ()


def test_what_a_decisive_rule_finds_leaves_the_others_unasked() -> None:
    format_, other = rule("FORMAT", Severity.FAIL, Hit("x")), rule("OTHER", Severity.FAIL, Hit("y"))
    decisive = replace(format_, decisive=True)
    assert [f.rule for f in check(EMPTY, [decisive, other], CONTEXT)] == ["FORMAT"]
    assert [f.rule for f in check(EMPTY, [decisive, other], CONTEXT, {"FORMAT"})] == ["OTHER"]


def test_ignoring_an_unknown_rule_is_a_usage_error_with_a_proposal() -> None:
    with raises_error("rule-unknown", "'R-2'", "'R-1'"):
        screen({"R-2"}, [rule("R-1", Severity.FAIL)])


def boom(*_: Any) -> NoReturn:
    raise ValueError("boom")


def late(*_: Any) -> Iterator[Hit]:
    yield Hit("found before")
    boom()


def failing(check: Any = boom, severity: Severity = Severity.FAIL) -> Rule:
    return replace(rule("T-ODD", severity), check=check)


def test_a_rule_that_raises_is_a_finding_under_its_and_its_plugin_s_name_and_all_others_are_judged() -> None:
    found = check(EMPTY, [replace(failing(), decisive=True), rule("F", Severity.FAIL, Hit("1"))], TOYS)
    assert [(f.rule, f.status) for f in found] == [("T-ODD", Status.FAILED_TO_JUDGE), ("F", Status.BROKEN)]
    told = "The rule T-ODD of the target 'toy' (distribution toychip) failed: ValueError: boom (test_engine.py, line "
    assert found[0].sentence.startswith(told)
    assert [hit.detail for hit in found[0].hits] == ["not judged: T-ODD must hold."]


@pytest.mark.parametrize(("severity", "verdict"), [(Severity.FAIL, "fail"), (Severity.WARN, "pass")])
def test_no_file_passes_for_want_of_a_judgement_that_could_fail_it(severity: Severity, verdict: str) -> None:
    assert decide(check(EMPTY, [failing(severity=severity)], CONTEXT)).verdict == verdict


def test_a_rule_that_cannot_judge_can_be_ignored() -> None:
    assert check(EMPTY, [failing()], CONTEXT, {"T-ODD"}) == ()


def quit_(*_: Any) -> NoReturn:
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("faulty", "complaint"),
    [
        (late, "ValueError: boom"),
        (quit_, "SystemExit: 3"),
        (lambda *_: None, "'NoneType' object is not iterable"),
        (lambda: (), "takes 0 positional arguments"),
        (lambda *_: ["layer 3"], "it yielded a str, not a Hit"),
        (lambda *_: [Hit(3)], "the detail and the layer of a Hit are texts, not 3 and ''"),  # type: ignore[arg-type]
        (lambda *_: [Hit("x", severity="fail")], "the severity of a Hit is a Severity or None, not 'fail'"),  # type: ignore[arg-type]
        (lambda *_: [Hit("x", index=7)], "it names layer 7 of a file of 0 layers"),
    ],
)
def test_whatever_a_rule_gives_instead_of_places_is_told(faulty: Any, complaint: str) -> None:
    (found,) = check(EMPTY, [failing(faulty)], CONTEXT)
    assert isinstance(found, Finding)
    assert found.status is Status.FAILED_TO_JUDGE
    assert complaint in found.sentence


@pytest.mark.parametrize("fix", [boom, lambda _: None])
def test_a_rule_whose_advice_fails_is_still_broken(fix: Any) -> None:
    broken = replace(rule("T-ODD", Severity.FAIL, Hit("x")), fix=fix)
    (finding,) = check(EMPTY, [broken], TOYS)
    assert (finding.status, finding.hits) == (Status.BROKEN, (Hit("x"),))
    assert "the advice of the rule T-ODD of the target 'toy' (distribution toychip) failed: " in finding.fix

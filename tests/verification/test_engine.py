"""Findings are collected, ordered, softened and ignored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlpuconv.errors import UsageError
from dlpuconv.formats import FileView
from dlpuconv.scheme import Granularity
from dlpuconv.verification.engine import check, screen
from dlpuconv.verification.rule import Context, Hit, Rule, Severity

EMPTY = FileView(format="tflite", tensors=(), layers=(), inputs=(), outputs=())
CONTEXT = Context(weights=Granularity.PER_TENSOR)


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
    with pytest.raises(UsageError, match=r"no rule 'R-2' to ignore \(did you mean 'R-1'\?\)"):
        screen({"R-2"}, [rule("R-1", Severity.FAIL)])

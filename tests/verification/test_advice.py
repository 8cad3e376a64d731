"""What is advised where a file loses too much: the next thing to try, and never what is on already."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.manifest import Manifest
from dlpuconv.scheme import Granularity
from dlpuconv.verification.advice import Settings, better_effort, recorded_settings, split_or_cut, try_next
from dlpuconv.verification.engine import check
from dlpuconv.verification.granularity import granularity
from dlpuconv.verification.metric import MetricScore
from dlpuconv.verification.output_parity import OutputParity, ParityReport
from dlpuconv.verification.report import Report
from dlpuconv.verification.report_text import render_advice
from dlpuconv.verification.rule import Context
from dlpuconv.verification.rules.measured import MEASURED_RULES
from dlpuconv.verification.verdict import decide
from tests.verification.tflite_models import activation, conv, one_op

VIEW = parse_tflite(one_op(conv(activation("x", (1, 8, 8, 3)), "y", 4)))
POOR = OutputParity(name="y", sqnr_db=3.0, exact=False, cosine=0.9, max_error=1.0, peak=2.0, starved="two parts")
DEAD = replace(POOR, starved="", dead="it is 0 everywhere")
LOST = MetricScore(name="m:f", source=0.9, value=0.5, max_drop=0.1)


def context(settings: Settings | None, **more: Any) -> Context:
    return Context(weights=Granularity.PER_TENSOR, settings=settings, **more)


def test_a_failed_fast_advises_the_default_effort_first_and_the_rest_in_order() -> None:
    assert try_next(context(Settings(effort="fast"))) == (
        "Try --effort balanced, the default, instead of fast; then --effort best; then --granularity auto, which finds"
        " the layers that need per-channel weights; then --granularity per-channel. None of these was tried"
        " on this file. `dlpuconv analyze` tells which layers lose the signal, why, and what helps."
    )
    assert better_effort(Settings(effort="fast")) == "--effort balanced, the default, instead of fast"


@pytest.mark.parametrize(
    ("settings", "absent"),
    [
        (Settings(effort="balanced"), ("--effort balanced", "fast")),
        (Settings(effort="best"), ("--effort",)),
        (Settings(effort="best", granularity="auto"), ("--effort", "--granularity auto")),
        (Settings(effort="best", granularity="per-channel"), ("--effort", "--granularity")),
        (Settings(effort=None, recipe_given=True), ("--effort", "--granularity auto")),
        (Settings(effort=None, calibrated=False), ("--effort", "--granularity auto")),
        (Settings(effort="balanced", split_outputs="auto"), ("--split-outputs",)),
    ],
)
def test_no_rule_advises_what_is_on_already_or_has_no_say(settings: Settings, absent: tuple[str, ...]) -> None:
    parity = ParityReport(samples=4, outputs=(POOR,))
    found = check(VIEW, MEASURED_RULES, context(settings, parity=parity, metric=LOST))
    assert {finding.rule for finding in found} == {"OUT-SQNR", "OUT-RANGES", "METRIC-DROP"}
    advice = " ".join(finding.fix for finding in found)
    assert [option for option in absent if option in advice] == []


def test_each_sentence_of_the_advice_is_said_once() -> None:
    settings = context(Settings(effort="fast"), parity=ParityReport(samples=4, outputs=(replace(POOR, starved=""),)))
    dead = check(VIEW, MEASURED_RULES, replace(settings, parity=ParityReport(samples=4, outputs=(DEAD,))))
    findings = (*dead, *check(VIEW, MEASURED_RULES, settings))
    assert [finding.rule for finding in findings] == ["OUT-DEAD", "OUT-SQNR"]
    decision = decide(findings)
    report = Report(
        file="y.tflite",
        format="tflite",
        target="artpec8",
        verdict=decision.verdict,
        reasons=decision.reasons,
        findings=findings,
        granularity=granularity(VIEW),
        inputs=(),
        outputs=(),
        op_counts={},
        metadata={},
    )
    lines = [str(line) for line in render_advice(report)]
    assert len(lines) == 2
    assert lines[1].startswith("  Calibrate with samples like those that the camera will see. Try --effort balanced")


def test_of_made_up_samples_only_one_sentence_asks_for_real_ones() -> None:
    parity = ParityReport(samples=4, outputs=(DEAD,))
    (finding,) = check(VIEW, MEASURED_RULES, context(Settings(effort=None, calibrated=False), parity=parity))
    assert finding.fix.startswith("Try real samples instead of synthetic ones")


def test_made_up_calibration_is_the_first_thing_to_replace() -> None:
    assert try_next(context(Settings(calibrated=False))).startswith("Try real samples instead of synthetic ones")


def test_a_given_recipe_is_to_be_left_out_before_anything_else() -> None:
    assert try_next(context(Settings(recipe_given=True))).startswith("Try a search for a recipe (without --recipe)")


def test_per_channel_weights_are_said_to_be_slow_where_they_are() -> None:
    slow = context(Settings(effort="best"), discouraged=frozenset({Granularity.PER_CHANNEL}))
    assert "--granularity per-channel, which is slower on this chip." in try_next(slow)
    assert "slower" not in try_next(context(Settings(effort="best")))


def test_where_everything_is_on_only_the_analysis_is_left() -> None:
    done = Settings(effort="best", granularity="per-channel")
    assert try_next(context(done)).startswith("`dlpuconv analyze` tells")


def test_of_a_float_file_no_option_of_quantization_is_advised() -> None:
    parity = ParityReport(samples=4, outputs=(POOR,))
    found = check(VIEW, MEASURED_RULES, context(None, parity=parity, quantized=False))
    (low,) = [finding for finding in found if finding.rule == "OUT-SQNR"]
    assert "--effort" not in low.fix
    assert "A float file is not quantized" in low.fix


def test_an_output_is_taken_apart_by_option_or_where_that_is_on_by_hand() -> None:
    assert split_or_cut(context(Settings(split_outputs="off"))).startswith("Convert with --split-outputs auto, or cut")
    assert split_or_cut(context(Settings(split_outputs="auto"))).startswith("Cut the model")
    assert split_or_cut(context(None)).startswith("Convert with --split-outputs auto")


def manifest(**changes: Any) -> dict[str, Any]:
    plain = {
        "schema_version": 1,
        "dlpuconv": "1.0",
        "target": "artpec8",
        "request": {"effort": "best", "granularity": "auto", "split_outputs": "off"},
        "calibration": {"calibrated": True, "samples": 4},
        "recipe": {"granularity": "per-tensor"},
        "trials": [{"chosen": True}],
        "source": {"sha256": "0"},
        "inputs": [],
        "outputs": [],
    }
    return json.loads(json.dumps({**plain, **changes}))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({}, Settings(effort="best", granularity="auto", split_outputs="off")),
        ({"trials": []}, Settings(granularity="auto", split_outputs="off")),
        (
            {"trials": [], "request": {"effort": "fast", "granularity": None, "split_outputs": "auto"}},
            Settings(effort="fast", granularity="per-tensor"),
        ),
        (
            {"calibration": {"calibrated": False, "samples": 4}, "trials": []},
            Settings(calibrated=False, granularity="auto", split_outputs="off"),
        ),
        (
            {"trials": [], "request": {"effort": "fast", "granularity": "per-channel", "recipe_given": True}},
            Settings(recipe_given=True, granularity="per-channel", split_outputs="off"),
        ),
        ({"request": None}, None),
    ],
)
def test_the_manifest_tells_what_was_on(changes: dict[str, Any], known: Settings | None) -> None:
    assert recorded_settings(Manifest.parse(manifest(**changes))) == known

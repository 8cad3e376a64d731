"""What a model has to reach."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.benchmarks.bars import CHANNELS, DEFAULT, missed_bars


def figures(metric: float, high: float = 0.0, *, title: str = DEFAULT, db: float = 30.0, **more: Any) -> dict[str, Any]:
    less = {"mean": metric - 0.9, "low": 2 * (metric - 0.9) - high, "high": high}
    column = {"metric": metric, "sqnr_db": db, "less_float": less}
    return {"float": {"metric": 0.9}, "in_decibels": False, "columns": {title: column, **more}}


@pytest.mark.parametrize(
    ("metric", "high", "misses"), [(0.893, -0.001, False), (0.892, -0.001, True), (0.892, 0.0, False)]
)
def test_what_falls_below_float_by_more_than_luck_is_missed(metric: float, high: float, misses: bool) -> None:
    assert bool(list(missed_bars("any", figures(metric, high), {}))) is misses


def test_decibels_have_a_bar_of_their_own() -> None:
    found = figures(0.65, -0.2)
    assert len(list(missed_bars("any", found, {}))) == 1
    assert list(missed_bars("any", {**found, "in_decibels": True}, {})) == []


def test_what_was_asked_of_a_model_holds_with_or_without_luck() -> None:
    assert list(missed_bars("lpr_lprnet", figures(0.881, 0.1), {})) == [
        "per-tensor, balanced 0.881, the bar is 0.8820: asked for"
    ]
    (sentence,) = missed_bars("text_ppocrv5_det", figures(0.9, db=13.9), {})
    assert sentence == "per-tensor, balanced 13.9 dB, the bar is 14.0"


def test_no_model_falls_below_an_earlier_run_by_more_than_luck() -> None:
    earlier = figures(0.91, 0.02)  # an interval of 0.02
    assert list(missed_bars("any", figures(0.9, 0.0), earlier)) == []
    (sentence,) = missed_bars("any", figures(0.899, 0.0), earlier)
    assert sentence == "per-tensor, balanced 0.899, the bar is 0.9000: the earlier run, by more than luck"


def test_an_error_is_told_and_other_converters_have_no_bar() -> None:
    found = figures(0.9)
    found["columns"] = {DEFAULT: {"error": "it cannot"}, "TF per-channel": {"error": "nor can this"}}
    assert list(missed_bars("any", found, {})) == ["it cannot"]


def test_per_channel_is_compared_with_the_other_converter() -> None:
    theirs: dict[str, Any] = {"TF per-channel": {"metric": 0.9}}
    assert list(missed_bars("any", figures(0.895, title=CHANNELS, **theirs), {})) == []
    assert len(list(missed_bars("any", figures(0.894, title=CHANNELS, **theirs), {}))) == 1

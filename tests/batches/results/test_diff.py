"""Two batches side by side: what got worse is found whatever the keys are, and ends a check where that is asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlpuconv.batches.record import Outcome
from dlpuconv.batches.results.conditions import Conditions
from dlpuconv.batches.results.diff import compare_batches
from dlpuconv.batches.results.table import diff_text
from tests.batches.results.records import ALL, CRASHED, PASSED, record, started, without_file
from tests.error_ids import raises_error


def broken(before: object, after: object, *conditions: str) -> tuple[str, ...]:
    return compare_batches([before], [after]).violations(Conditions.parse(conditions))  # type: ignore[list-item]


def test_a_batch_beside_itself_changed_nothing() -> None:
    found = compare_batches(ALL, ALL)
    assert (found.worse, found.better, found.new, found.gone) == ((), (), (), ())
    assert len(found.same) == len(ALL)
    assert found.violations(Conditions.parse(["verdict,missing,drop,sqnr,size,time"])) == ()


def test_jobs_are_matched_by_their_place_in_the_matrix_and_not_by_their_keys() -> None:
    later = replace(PASSED, key="f" * 64, name="other.name", metric=0.79)
    found = compare_batches([PASSED], [later])
    assert [change.name for change in found.worse] == ["other.name"]
    assert (found.new, found.gone) == ((), ())


def test_jobs_without_axes_are_matched_by_name() -> None:
    before, after = record("a", axes={}), record("a", axes={}, key="0" * 64, sqnr_db=20.0)
    assert [change.name for change in compare_batches([before], [after]).worse] == ["a"]


def test_of_several_records_of_a_job_the_youngest_counts() -> None:
    old, young = record(sqnr_db=10.0), started(record(sqnr_db=40.0, key="1" * 64), 60)
    for order in ([old, young], [young, old]):
        (change,) = compare_batches(order, [record(sqnr_db=30.0, key="2" * 64)]).worse
        assert change.before.sqnr_db == 40.0


def test_a_verdict_weighs_more_than_a_metric_and_a_metric_more_than_noise_and_size() -> None:
    before = record(metric=0.5, sqnr_db=20.0, artifact_size=100)
    better = [
        replace(before, metric=0.6, sqnr_db=10.0, artifact_size=200),
        replace(before, sqnr_db=21.0, artifact_size=200),
        replace(before, artifact_size=99),
    ]
    assert all(compare_batches([before], [after]).better for after in better)
    warned = replace(before, verdict="warn", metric=0.9)
    assert compare_batches([before], [warned]).worse
    assert compare_batches([before], [without_file(before.name, Outcome.TIMED_OUT, "too long")]).worse


def test_time_alone_makes_a_job_neither_better_nor_worse() -> None:
    slow = replace(PASSED, circumstances=replace(PASSED.circumstances, seconds=99.0))
    assert len(compare_batches([PASSED], [slow]).same) == 1


def test_one_job_in_both_is_told_as_one() -> None:
    (*_, counts) = diff_text(compare_batches([PASSED], [PASSED]))
    assert str(counts) == "1 job in both: 0 worse, 0 better, 1 the same; 0 new, 0 gone"


def test_the_worst_change_comes_first() -> None:
    before = [record(f"{name}.artpec8", sqnr_db=30.0) for name in "abc"]
    after = [replace(before[0], sqnr_db=29.0), replace(before[1], verdict="fail"), replace(before[2], sqnr_db=20.0)]
    found = compare_batches(before, after)
    assert [change.name for change in found.worse] == ["b.artpec8", "c.artpec8", "a.artpec8"]


def test_what_is_new_and_what_is_gone_is_told() -> None:
    found = compare_batches([PASSED, CRASHED], [PASSED, record("more.cv25")])
    assert [each.name for each in found.new] == ["more.cv25"]
    assert [each.name for each in found.gone] == ["gone.artpec9"]
    assert found.violations(Conditions.parse(["missing"])) == ("gone.artpec9: it is not there any more",)
    assert found.violations(Conditions.parse(["verdict,drop,size"])) == ()


@pytest.mark.parametrize(
    ("condition", "metric", "violated"),
    [("drop=0.1", 0.70, False), ("drop=0.1", 0.69, True), ("drop=0.1", 0.95, False),
     ("drop=10%", 0.72, False), ("drop=10%", 0.71, True), ("drop", 0.80, False), ("drop", 0.799, True)],
)  # fmt: skip
def test_a_metric_may_be_lower_by_the_amount_and_no_more(condition: str, metric: float, violated: bool) -> None:
    assert bool(broken(record(metric=0.80), record(metric=metric), condition)) is violated


@pytest.mark.parametrize(
    ("condition", "size", "violated"),
    [("size=5%", 105_000, False), ("size=5%", 105_001, True), ("size=5%", 50, False), ("size=10", 100_011, True)],
)
def test_a_file_may_be_larger_by_the_amount_and_no_more(condition: str, size: int, violated: bool) -> None:
    assert bool(broken(record(artifact_size=100_000), record(artifact_size=size), condition)) is violated


def test_sizes_that_differ_little_are_told_apart() -> None:
    (told,) = broken(record(artifact_size=12_345_600), record(artifact_size=12_345_601), "size")
    assert "size went from 12345600 to 12345601" in told


def test_what_was_measured_and_is_not_any_more_is_worse_than_any_limit() -> None:
    assert broken(record(metric=0.8), record(metric=None), "drop=100") == (
        "net.artpec8: metric went from 0.8 to nothing, beyond drop=100",
    )
    assert broken(record(metric=None), record(metric=0.8), "drop") == ()


def test_equal_infinities_are_no_change() -> None:
    exact = record(sqnr_db=float("inf"))
    assert len(compare_batches([exact], [exact]).same) == 1
    assert broken(exact, replace(exact, sqnr_db=50.0), "sqnr=1")


def test_a_worse_verdict_says_why_and_says_it_once() -> None:
    after = without_file("net.artpec8", Outcome.OUT_OF_MEMORY, "it took more than 1 GiB")
    assert broken(record(), after, "verdict,sqnr,size") == (
        "net.artpec8: pass became out-of-memory: it took more than 1 GiB",
    )


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("verdit", ["--fail-on verdit", "(did you mean 'verdict'?)", "verdict, "]),
        ("drop=x", ["--fail-on drop=x", "'x'", "5%"]),
        ("drop=-1", ["'-1'"]),
        ("drop=1e400", ["'1e400'"]),
        ("size=", ["''"]),
        ("sqnr=5%", ["in dB", "such as sqnr=1"]),
        ("verdict=2", ["verdict takes no amount"]),
    ],
)
def test_a_condition_that_is_none_is_refused_in_a_sentence(text: str, facts: list[str]) -> None:
    with raises_error("fail-on-condition", *facts):
        Conditions.parse([text])


def test_conditions_may_come_in_one_text_or_in_several() -> None:
    assert Conditions.parse(["verdict, drop=0.5", "size=5%"]) == Conditions.parse(["verdict,drop=0.5,size=5%"])
    assert [str(limit) for limit in Conditions.parse(["drop=0.5,size=5%"]).measures] == ["drop=0.5", "size=5%"]

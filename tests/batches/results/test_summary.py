"""The page of a batch: what it says and draws follows from the records, and a stranger's words are words on it."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from dlpuconv.batches.record import StoredArtifact
from dlpuconv.batches.results.summary import make_summary
from dlpuconv.language.every_text import with_texts
from dlpuconv.reporting.batch import Sighting, draw_scatter, render_batch
from tests.batches.results.records import ALL, CRASHED, FAILED, PASSED, REFUSED, WARNED, record
from tests.reporting.test_render import ACTIVE, EVIL, Outline


def document(*records: object, **reports: str) -> str:
    return render_batch(make_summary(records or ALL, "jobs.toml", reports))  # type: ignore[arg-type]


def sighting(cost: float, worth: float, *, good: bool = True) -> Sighting:
    return Sighting(cost=cost, worth=worth, anchor="job-0", name="n", told="t", good=good)


def test_it_fails_where_one_job_has_no_file_that_may_be_used() -> None:
    assert make_summary([PASSED, WARNED], "t", {}).passed
    for bad in (FAILED, CRASHED, REFUSED):
        assert not make_summary([PASSED, bad], "t", {}).passed


def test_rows_stand_in_the_order_of_need_and_lead_to_their_reports() -> None:
    page = make_summary(ALL, "t", {PASSED.name: "reports/a b#?.html"})
    assert [row.name for row in page.rows] == [CRASHED.name, REFUSED.name, FAILED.name, WARNED.name, PASSED.name]
    assert [row.report for row in page.rows] == ["", "", "", "", "./reports/a%20b%23%3F.html"]
    assert page.rows[2].reasons == FAILED.reasons
    assert page.rows[0].reasons == (CRASHED.error,)


def test_one_metric_is_drawn_as_it_is_of_several_what_is_kept_and_without_any_the_noise() -> None:
    one = [
        record(n, metric=m, float_metric=1.0, options={"metric": "top1:score"}) for n, m in (("a.x", 0.5), ("b.x", 0.7))
    ]
    assert {plot.y_label for plot in make_summary(one, "t", {}).scatters} == {"metric"}
    two = [one[0], replace(one[1], options={"metric": "psnr:score"}, metric=30.0, float_metric=40.0)]
    plots = make_summary(two, "t", {}).scatters
    assert {plot.y_label for plot in plots} == {"metric kept, %"}
    assert sorted(spot.of.worth for spot in plots[0].spots) == [50.0, 75.0]
    none = [record("a.x"), record("b.x")]
    assert {plot.y_label for plot in make_summary(none, "t", {}).scatters} == {"SQNR, dB"}


def test_a_plot_needs_two_dots_and_leaves_out_what_was_not_measured() -> None:
    assert make_summary([PASSED, CRASHED], "t", {}).scatters == ()
    assert draw_scatter([sighting(0, 1), sighting(10, float("inf")), sighting(1, 1)], "x", "y", str) is None


@pytest.mark.parametrize(
    ("costs", "ticks"),
    [((1e6, 1e6), ["1000000", "2000000"]), ((1.5e3, 8e3), ["1000", "2000", "5000", "10000"]),
     ((2e3, 9e9), ["1000", "100000", "10000000", "1000000000", "10000000000"])],
)  # fmt: skip
def test_every_dot_lies_between_round_marks(costs: tuple[float, float], ticks: list[str]) -> None:
    plot = draw_scatter([sighting(costs[0], 0.61), sighting(costs[1], 0.84)], "x", "y", str)
    assert plot
    assert [tick.text for tick in plot.x_ticks] == ticks
    assert all(before.at < after.at for before, after in pairwise(plot.x_ticks))
    for spot in plot.spots:
        assert plot.left <= spot.x <= plot.right
        assert plot.top <= spot.y <= plot.bottom


def test_the_line_joins_what_none_beats_in_both_and_no_file_that_failed() -> None:
    found = [sighting(1, 1), sighting(10, 0.5), sighting(100, 2), sighting(2, 9, good=False)]
    plot = draw_scatter(found, "x", "y", str)
    assert plot
    at = {spot.of.cost: spot for spot in plot.spots}
    assert plot.frontier == f"M{at[1].x} {at[1].y}H{at[100].x}V{at[100].y}"


def test_the_document_is_well_formed_and_its_links_lead_somewhere() -> None:
    outline = Outline(document(**{PASSED.name: "reports/x.html"}))
    ids = outline.attributes("id")
    assert len(ids) == len(set(ids))
    inner = [href for href in outline.attributes("href") if href.startswith("#")]
    assert {href[1:] for href in inner} <= set(ids)
    assert [href for href in outline.attributes("href") if not href.startswith("#")] == ["./reports/x.html"]
    labelled = set(outline.attributes("for"))
    assert all(control["id"] in labelled for name in ("input", "select") for control in outline.tags(name))
    names = {name for _, attributes in outline.found for name in attributes}
    assert not any(name == "style" or name.startswith("on") for name in names)


def test_jobs_of_one_key_and_two_names_have_a_row_each_that_their_dots_lead_to() -> None:
    outline = Outline(document(PASSED, replace(PASSED, name="copy.artpec8")))
    assert {"job-0", "job-1"} <= set(outline.attributes("id"))
    assert {"#job-0", "#job-1"} <= set(outline.attributes("href"))


def test_a_hostile_record_is_text() -> None:
    evil = replace(FAILED, name=EVIL, model=EVIL, target=EVIL, axes={EVIL: EVIL}, reasons=(EVIL,), key=EVIL)
    outline = Outline(document(PASSED, evil, **{EVIL: f"javascript:{EVIL}"}))
    assert len(outline.tags("script")) == 1
    assert outline.tags("img") == []
    links = [href for href in outline.attributes("href") if not href.startswith("#")]
    assert [link[:15] for link in links] == ["./javascript%3A"]


def test_no_text_of_the_page_holds_what_acts_or_hides() -> None:
    found = render_batch(with_texts(make_summary(ALL, "t", {}), lambda text: text + ACTIVE))
    assert (
        re.search(
            "[\0-\t\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]", found
        )
        is None
    )


def test_files_of_a_record_have_no_part_in_its_row() -> None:
    many = {f"{at}.bin": StoredArtifact(sha256="0" * 64, size=1) for at in range(1000)}
    assert document(replace(PASSED, files=many)) == document(PASSED)

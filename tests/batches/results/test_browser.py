"""The page of a batch in a real browser: it opens without complaint, filters, sorts, and fits a phone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from dlpuconv.batches.results.summary import make_summary
from dlpuconv.reporting.batch import render_batch
from tests.batches.results.records import ALL, CRASHED, FAILED, PASSED, REFUSED, WARNED, record
from tests.reporting.test_browser import CONTRAST, SIDEWAYS
from tests.reporting.test_render import EVIL

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    type Open = Callable[..., Page]

IN_NEED = [CRASHED.name, REFUSED.name, FAILED.name, WARNED.name, PASSED.name]


def html(*records: object) -> str:
    return render_batch(make_summary(records or ALL, "jobs.toml", {PASSED.name: "reports/good.html"}))  # type: ignore[arg-type]


def shown(page: Page) -> list[str]:
    found = page.locator(".jobs tbody tr:visible th").evaluate_all("(cells) => cells.map((each) => each.dataset.value)")
    return list(map(str, found))


def test_it_says_the_verdict_first_and_filters_by_words_globs_and_columns(open_page: Open) -> None:
    page = open_page(html())
    assert page.title() == "FAIL: jobs.toml"
    assert shown(page) == IN_NEED
    expect(page.locator("#count")).to_have_text("5 jobs")
    page.get_by_label("Search").fill("signal 11")
    assert shown(page) == [CRASHED.name]
    page.get_by_label("Search").fill("*.artpec?")
    assert shown(page) == [CRASHED.name, FAILED.name, WARNED.name, PASSED.name]
    page.get_by_role("combobox", name="Target").select_option("artpec8")
    page.get_by_role("combobox", name="Verdict").select_option("warn")
    assert shown(page) == [WARNED.name]
    expect(page.locator("#count")).to_have_text("1 of 5 jobs")


def test_one_job_is_counted_as_one(open_page: Open) -> None:
    page = open_page(html(PASSED))
    expect(page.locator("#count")).to_have_text("1 job")
    expect(page.locator("dl")).to_contain_text("1 model, 1 target")
    expect(page.locator("dl")).to_contain_text("sum of all jobs, on 1 machine")


def test_every_column_sorts_both_ways_and_what_was_not_measured_comes_last(open_page: Open) -> None:
    page = open_page(html())
    head = page.get_by_role("columnheader", name="Metric")
    head.get_by_role("button").click()
    assert shown(page)[:2] == [PASSED.name, WARNED.name]
    expect(head).to_have_attribute("aria-sort", "descending")
    head.get_by_role("button").click()
    assert shown(page)[:2] == [WARNED.name, PASSED.name]
    page.get_by_role("columnheader", name="Job").get_by_role("button").click()
    assert shown(page) == sorted(IN_NEED)
    page.get_by_role("combobox", name="Order").select_option("need")
    assert shown(page) == IN_NEED


def test_a_dot_shows_its_name_on_hover_and_focus_and_leads_to_its_row_even_where_that_is_filtered_away(
    open_page: Open,
) -> None:
    page = open_page(html())
    page.get_by_label("Search").fill("signal 11")
    spot = page.get_by_role("link", name=f"{PASSED.name}: ").first
    label = spot.locator("text")
    expect(label).to_be_hidden()
    spot.locator("circle").hover()
    expect(label).to_be_visible()
    assert label.text_content() == PASSED.name
    page.mouse.move(0, 0)
    expect(label).to_be_hidden()
    page.locator("#main").evaluate("(part) => { part.tabIndex = -1; part.focus(); }")
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.getAttribute('class')")
    assert focused.startswith("spot")
    expect(page.locator(".spot:focus text")).to_be_visible()
    page.locator("#main").evaluate("(part) => part.removeAttribute('tabindex')")
    spot.focus()
    page.keyboard.press("Enter")
    row = page.locator("tr", has_text=PASSED.name)
    expect(row).to_be_in_viewport()
    assert shown(page) == IN_NEED


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_runs_off_the_side(open_page: Open, width: int) -> None:
    long = record("a" * 200 + ".artpec8", reasons=("long_word" * 30,), verdict="fail")
    page = open_page(html(*ALL, long), width)
    page.locator("details").evaluate_all("(all) => all.forEach((each) => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(SIDEWAYS) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_in_dark(open_page: Open, scheme: str) -> None:
    page = open_page(html(), 1280, scheme)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper))) > 384) == (scheme == "light")
    assert page.evaluate(CONTRAST) == []


def test_a_hostile_name_does_no_harm(open_page: Open) -> None:
    page = open_page(html(*ALL, record(f"{EVIL}.artpec8", verdict="fail", reasons=(EVIL,), axes={EVIL: EVIL})))
    assert page.title() == "FAIL: jobs.toml"
    assert page.locator("img").count() == 0
    page.get_by_label("Search").fill("onerror=")
    assert len(shown(page)) == 1


def test_a_thousand_jobs_open_and_filter(open_page: Open) -> None:
    page = open_page(html(*(record(f"net{at}.artpec8", sqnr_db=at / 100) for at in range(1000))))
    page.get_by_label("Search").fill("net99*")
    assert len(shown(page)) == 11  # net99, and net990 to net999


def test_without_script_everything_is_there_but_the_filters(browser: object, tmp_path: object) -> None:
    from pathlib import Path

    from playwright.sync_api import Browser

    assert isinstance(browser, Browser)
    assert isinstance(tmp_path, Path)
    file = tmp_path / "page.html"
    file.write_text(html(), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator(".jobs tbody tr").count() == len(ALL)
    assert not page.locator(".filters").is_visible()
    context.close()

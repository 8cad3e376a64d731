"""The page in a real browser: it opens without complaint, filters, sorts, copies, and fits a phone."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.reporting import make_page, render
from dlpuconv.reporting.wording import TIMES
from dlpuconv_backends.flatbuffer import Operator
from tests.reporting.material import html, material
from tests.reporting.test_render import ACTIVE, EVIL, SHOWN
from tests.verification.test_layers import converted
from tests.verification.tflite_models import activation, file_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    type Open = Callable[..., Page]

SIDEWAYS = """
() => [...document.querySelectorAll("body *:not(.hidden, .skip)")]
    .filter((part) => !part.closest("pre, thead") && part.getClientRects().length)
    .filter((part) => part.getBoundingClientRect().right > innerWidth + 1)
    .map((part) => part.outerHTML.slice(0, 80))
"""
CONTRAST = """
() => {
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((v) => v / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (part) => {
    for (let at = part; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!colour.endsWith(", 0)")) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  for (const part of document.querySelectorAll("body *")) {
    const own = [...part.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !part.getClientRects().length || part.closest("svg, script, option")) continue;
    const [a, b] = [getComputedStyle(part).color, behind(part)].map(luminance);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${part.className || part.tagName}: ${ratio.toFixed(2)}`);
  }
  return [...new Set(found)];
}
"""


def shown(page: Page) -> list[str]:
    """Numbers of the layers that can be seen, in their order."""
    rows = page.locator(".layers tbody tr:visible")
    return [row.get_attribute("data-number") or "" for row in rows.all()]


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).select_option(option)


def long_network(layers: int) -> bytes:
    """A chain of ABS."""
    tensors = [activation(f"block{n // 10}/value{n}", (1, 4, 4, 8)) for n in range(layers + 1)]
    return file_of(tensors[:1], tensors[-1:], *(Operator("ABS", [x], [y]) for x, y in pairwise(tensors)))


def test_it_opens_from_disk_without_a_complaint_and_says_the_verdict_first(tmp_path: Path, open_page: Open) -> None:
    page = open_page(html(tmp_path))
    assert page.locator("header .verdict").inner_text() == "Pass"
    assert page.title() == "pass: m.tflite"
    assert page.locator("h1").inner_text() == "m.tflite"


def test_the_search_box_filters_layers_as_one_types(tmp_path: Path, open_page: Open) -> None:
    page = open_page(html(tmp_path))
    expect(page.locator("#count")).to_have_text("3 layers")
    page.get_by_label("Search").fill("quant")
    assert shown(page) == ["2"]
    expect(page.locator("#count")).to_have_text("1 of 3 layers")
    page.get_by_label("Search").fill(f"FULLY 2{TIMES}3")
    assert shown(page) == ["0"]
    page.get_by_label("Search").fill("nothing of the kind")
    assert shown(page) == []
    page.get_by_label("Search").fill("")
    assert shown(page) == ["0", "1", "2"]


def test_the_search_box_takes_any_name_of_a_layer_and_globs(tmp_path: Path, open_page: Open) -> None:
    given = material(tmp_path)
    dense = LayerNames(tensor="h", nodes=("/body/fc/Gemm",), modules=("body.fc", "body.act"), values=("v",))
    head = LayerNames(tensor="y_int8", nodes=("/head/Gemm",), modules=("head",))
    view = given.view.named((dense, head, LayerNames(tensor="y")))
    page = open_page(render(make_page(replace(given, view=view))))
    for typed in ("body.fc", "/body/fc/gemm", "body.act", "body.*", "*/FC/*", "h", "v fully"):
        page.get_by_label("Search").fill(typed)
        assert "0" in shown(page)
    page.get_by_label("Search").fill("b*.?c fully*")
    assert shown(page) == ["0"]
    page.get_by_label("Search").fill("body.*.*")
    assert shown(page) == []
    page.get_by_label("Search").fill("?ead")
    assert shown(page) == ["1"]


def test_layers_filter_by_op_weights_and_processor_together(tmp_path: Path, open_page: Open) -> None:
    page = open_page(html(tmp_path))
    choose(page, "Op", "FULLY_CONNECTED")
    assert shown(page) == ["0", "1"]
    choose(page, "Runs on", "CPU")
    assert shown(page) == []
    choose(page, "Op", "")
    assert shown(page) == ["2"]
    choose(page, "Runs on", "")
    choose(page, "Weights", "per tensor")
    assert shown(page) == ["0", "1"]


def test_layers_sort_by_agreement_and_by_work(tmp_path: Path, open_page: Open) -> None:
    page = open_page(html(tmp_path))
    choose(page, "Order", "most work first")
    assert shown(page) == ["0", "1", "2"]  # 6, 4 and 0 MACs
    choose(page, "Order", "least agreement first")
    figures = [float(text) for text in page.locator(".layers tbody .band").all_inner_texts()]
    assert figures == sorted(figures)
    choose(page, "Order", "as in the file")
    assert shown(page) == ["0", "1", "2"]


def test_a_dot_of_the_chart_leads_to_its_layer_even_where_that_is_filtered_away(
    tmp_path: Path, open_page: Open
) -> None:
    page = open_page(html(tmp_path))
    page.get_by_label("Search").fill("quantize")
    page.locator(".chart.wide a[href='#layer-0']").click()
    expect(page.locator("#layer-0")).to_be_in_viewport()
    assert shown(page) == ["0", "1", "2"]


def test_the_keyboard_reaches_search_filters_and_copying(tmp_path: Path, open_page: Open) -> None:
    page = open_page(html(tmp_path))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('class')"))
    assert {"search", "op", "weights", "runs", "order", "copy"} <= reached


def test_code_is_copied_as_it_stands(tmp_path: Path, open_page: Open) -> None:
    page = open_page(html(tmp_path))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    snippet = page.locator(".snippet", has_text="import numpy")
    snippet.get_by_role("button", name="Copy").click()
    expect(snippet.get_by_role("button")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == snippet.locator("code").text_content()


@pytest.mark.parametrize("width", [320, 390, 800, 1280])
def test_nothing_runs_off_the_side(tmp_path: Path, open_page: Open, width: int) -> None:
    name = "a" * 200 + "/" + "long_name_without_a_place_to_break" * 5
    page = open_page(html(tmp_path, converted(inner=name)), width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(SIDEWAYS) == []


def test_a_phone_gets_cards_and_a_chart_of_its_own(tmp_path: Path, open_page: Open) -> None:
    text = html(tmp_path)
    wide, narrow = open_page(text, 1280), open_page(text, 390)
    assert [wide.locator(f".chart.{kind}").is_visible() for kind in ("wide", "narrow")] == [True, False]
    assert [narrow.locator(f".chart.{kind}").is_visible() for kind in ("wide", "narrow")] == [False, True]
    cell = narrow.locator("#layer-0 td[data-label='Scale']")
    assert "Scale" in cell.evaluate("(cell) => getComputedStyle(cell, '::before').content")
    texts = narrow.locator(".chart.narrow .tick").first.evaluate(
        "(text) => text.getBoundingClientRect().height"
    )  # letters of 12 units
    assert texts >= 10


@pytest.mark.parametrize(("width", "kind"), [(1280, "wide"), (390, "narrow")])
def test_the_chart_is_drawn_where_its_figures_say(tmp_path: Path, open_page: Open, width: int, kind: str) -> None:
    page = open_page(html(tmp_path), width)
    dots = page.locator(f".chart.{kind} circle")
    colour = dots.first.evaluate("(dot) => getComputedStyle(dot).fill")
    drawn = Image.open(BytesIO(page.locator(f".chart.{kind}").screenshot())).convert("RGB")
    box = page.locator(f".chart.{kind}").bounding_box()  # after the screenshot, which scrolls
    assert box
    for dot in dots.all():
        place = dot.bounding_box()
        assert place
        centre = int(place["x"] + place["width"] / 2 - box["x"]), int(place["y"] + place["height"] / 2 - box["y"])
        assert f"rgb{drawn.getpixel(centre)}" == colour


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_in_dark(tmp_path: Path, open_page: Open, scheme: str) -> None:
    page = open_page(html(tmp_path), 1280, scheme)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", paper)))
    assert (brightness > 384) == (scheme == "light")
    assert page.evaluate(CONTRAST) == []


def test_a_hostile_name_does_no_harm(tmp_path: Path, open_page: Open) -> None:
    page = open_page(html(tmp_path, converted(inner=EVIL)))
    assert page.title() == "pass: m.tflite"
    assert page.locator("img").count() == 0
    assert EVIL in (page.locator("#layer-0").text_content() or "")


def test_a_name_that_turns_text_around_or_hides_is_seen_as_it_is(tmp_path: Path, open_page: Open) -> None:
    text = html(tmp_path, converted(inner=f"h{ACTIVE.replace('\ud800', '')}"))
    page = open_page(text)
    assert page.title() == "pass: m.tflite"
    row = page.locator("#layer-0")
    assert f"h{SHOWN.replace(r'\ud800', '')}" in row.inner_text()
    assert re.search("[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", page.content()) is None
    page.get_by_label("Search").fill(r"\u202egnp")
    assert shown(page) == ["0"]


def layouts(page: Page) -> int:
    """How many times the browser has arranged the page so far."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    metrics = session.send("Performance.getMetrics")["metrics"]
    return int(next(metric["value"] for metric in metrics if metric["name"] == "LayoutCount"))


def test_a_thousand_layers_open_and_filter_at_once(tmp_path: Path, open_page: Open) -> None:
    text = html(tmp_path, long_network(1000), compared=False)
    assert len(text) < 2_000_000
    page = open_page(text)
    expect(page.locator("#count")).to_have_text("1000 layers")
    before = layouts(page)
    page.evaluate(
        """() => {
          const search = document.getElementById("search");
          search.value = "value99";
          search.dispatchEvent(new Event("input", { bubbles: true }));
          document.body.getBoundingClientRect();
        }"""
    )
    assert layouts(page) - before < 10  # one for all layers, and what the browser adds; not one for each
    assert shown(page) == ["98", *map(str, range(989, 999))]  # value99, and value990 to value999


def test_without_script_everything_is_there_but_the_filters(browser: object, tmp_path: Path) -> None:
    from playwright.sync_api import Browser

    assert isinstance(browser, Browser)
    file = tmp_path / "page.html"
    file.write_text(html(tmp_path), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator(".layers tbody tr").count() == 3
    assert not page.locator(".filters").is_visible()
    assert not page.locator(".copy").first.is_visible()
    context.close()


def test_on_paper_there_are_no_controls(tmp_path: Path, open_page: Open) -> None:
    page = open_page(html(tmp_path))
    page.emulate_media(media="print")
    assert not page.locator(".filters").is_visible()
    assert not page.locator("nav").is_visible()
    assert page.locator(".layers").is_visible()

"""The site of the documentation: it builds offline without a warning, and what is generated in it is new."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from dlpuconv.cli.app import app
from dlpuconv.registry import load_target
from scripts import site_pages
from scripts.website import chip_tables, command_pages, python_page
from scripts.website.diagram import Arrow, Box, Diagram
from tests.packaging.blocks import pages
from tests.packaging.links import anchors_of, links_of, troubles

REPOSITORY = Path(__file__).parents[2]
EVERY_PAGE = [*pages(REPOSITORY), "CHANGELOG.md"]
_FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)[^>]*\ssrc=["']?(?:https?:)?//|@import|url\(["']?(?:https?:)?//"""
)
_LINKED = re.compile(r"""<link[^>]*rel=["']?(?:stylesheet|preconnect|preload|icon)[^>]*href=["']?(?:https?:)?//""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    nowhere = "http://127.0.0.1:9"
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.mark.slow
def test_it_builds_without_a_warning_and_has_every_page(site: Path) -> None:
    made = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    top = {"README.md": "index", "CONTRIBUTING.md": "contributing", "CHANGELOG.md": "changelog"}
    wanted = {top.get(page, page.removeprefix("docs/").removesuffix(".md")) for page in EVERY_PAGE}
    assert {name.replace("README", "index") for name in wanted} <= made
    assert "dlpuconv.convert" in (site / "reference" / "python.html").read_text("utf-8")


@pytest.mark.slow
def test_whoever_reads_it_fetches_nothing_from_elsewhere(site: Path) -> None:
    files = [path for path in site.rglob("*") if path.suffix in (".html", ".css")]
    assert len(files) > 30
    found = [path.name for path in files for each in (_FETCHED, _LINKED) if each.search(path.read_text("utf-8"))]
    assert found == []


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_every_link_leads_somewhere(page: str) -> None:
    assert [*troubles(REPOSITORY / page)] == []


def test_links_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# One heading, `with` code\n\n```sh\n# no heading\n```\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](there.md) [b](there.md#one-heading-with-code) [c](#here) [d](https://example.org/x)\n"
        "`[code](nowhere.md)`\n```text\n[block](nowhere.md)\n```\n"
        "[e](gone.md) [f](there.md#no-heading) [g](http://example.org) [h](https://localhost/x) ![i](gone.png)\n"
    )
    assert [trouble.split(": ")[0] for trouble in troubles(page)] == [
        "gone.md", "there.md#no-heading", "http://example.org", "https://localhost/x", "gone.png",
    ]  # fmt: skip
    assert len(links_of(page.read_text())) == 9
    assert anchors_of("# A\n## B (c), d\n") == {"a", "b-c-d"}


def test_what_is_generated_is_new() -> None:
    assert [str(path) for path in site_pages.out_of_date()] == [], "run scripts/site_pages.py"


def test_the_page_of_commands_has_every_option() -> None:
    group: Any = typer.main.get_command(app)
    sections = {part.split("\n")[0]: part for part in command_pages.page().split("\n## dlpuconv ")[1:]}
    nested = {f"{name} {inner}": command for name, outer in group.commands.items()
              for inner, command in getattr(outer, "commands", {}).items()}  # fmt: skip
    assert sections.keys() == {*group.commands, *nested}
    for name, command in {**group.commands, **nested}.items():
        shown = [option for each in command.params if not each.hidden for option in each.opts if option[0] == "-"]
        assert [option for option in shown if option not in sections[name]] == []


def test_the_page_of_python_has_every_public_name() -> None:
    import dlpuconv
    from dlpuconv import metrics, qat

    page = python_page.page(REPOSITORY)
    names = [f"{module.__name__}.{name}" for module in (dlpuconv, qat) for name in module.__all__]
    names += [f"dlpuconv.metrics.{name}" for name, found in inspect.getmembers(metrics, inspect.isfunction)
              if found.__module__ == metrics.__name__ and name[0] != "_"]  # fmt: skip
    assert [name for name in names if f"heading: {name}," not in page and "__" not in name] == []


def test_tables_of_chips_follow_the_target() -> None:
    target = load_target("artpec8")
    changed = replace(target, min_sqnr=12.5, rules=(*target.rules, replace(target.rules[-1], id="A8-NEW")))
    before, after = ("\n".join(chip_tables.scheme(each)) for each in (target, changed))
    assert "| 10 dB |" in before
    assert after == before.replace("| 10 dB |", "| 12.5 dB |")
    rows = [*chip_tables.own_rules(changed, [changed, load_target("artpec9")])]
    assert any(row.startswith("| `A8-NEW` |") for row in rows)
    assert not any("TFL-" in row for row in rows)


def test_a_page_without_its_place_for_a_table_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page\n\n<!-- generated: scheme cv25 -->\nout of date\n<!-- end -->\nbehind\n")
    filled = chip_tables.filled(page)
    assert "out of date" not in filled
    assert "| larod device | `ambarella-cvflow` |" in filled
    assert filled.endswith("<!-- end -->\nbehind\n")
    page.write_text("# Another page\n")
    assert chip_tables.filled(page) == "# Another page\n"


def test_a_drawing_holds_its_words_and_its_arrows() -> None:
    boxes = {"a": Box(0, 0, "one & two\nlines"), "b": Box(1, 0, "end", "good")}
    drawing = Diagram("What it shows", boxes, (Arrow("a", "b", "yes"),)).svg()
    assert "<title>What it shows</title>" in drawing
    assert re.findall(r"<text[^>]*>([^<]*)<", drawing) == ["yes", "one &amp; two", "lines", "end"]
    (arrow,) = re.findall(r'd="M(\d+) (\d+)L(\d+) (\d+)"', drawing)
    assert [int(number) for number in arrow] == [192, 52, 222, 52]  # from border to border: 16 + 176, and 30 between


def test_links_of_the_top_are_those_of_the_site() -> None:
    pytest.importorskip("mkdocs")
    from scripts.website.hooks import links_of_site

    assert links_of_site("[a](docs/x.md#y) [b](CONTRIBUTING.md)", at_top=True) == "[a](x.md#y) [b](contributing.md)"
    assert links_of_site("[a](../README.md#y) [b](../x.md)", at_top=False) == "[a](index.md#y) [b](../x.md)"
    assert links_of_site("[a](../../CONTRIBUTING.md)", at_top=False) == "[a](../contributing.md)"
    assert links_of_site("[a](README.md) [b](https://x.org)", at_top=False) == "[a](README.md) [b](https://x.org)"


def test_the_script_names_its_actions(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(REPOSITORY / "scripts" / "docs", tmp_path / "scripts")
    command = [str(tmp_path / "scripts" / "docs"), "publish"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "scripts/docs: no action 'publish'; there are: serve, build\n"

"""The document: one file that loads nothing, and on which a stranger's words are words."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING, override

import pytest

from dlpuconv.language.every_text import with_texts
from dlpuconv.reporting import render
from tests.reporting.material import html, page
from tests.verification.test_layers import converted
from tests.verification.test_verify_file import manifest

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "</script></style><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
ACTIVE = "\x1b[2J\x07\x9b\u202egnp\u2066\u200b\xad\ufeff\ud800\nforged"
SHOWN = r"\x1b[2J\x07\x9b\u202egnp\u2066\u200b\xad\ufeff\ud800\nforged"
VOID = {"meta", "link", "input", "br", "img"}


class Outline(HTMLParser):
    """The elements of a document, and whether every one is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def attributes(self, name: str) -> list[str]:
        return [value for _, attributes in self.found if (value := attributes.get(name))]

    def tags(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.found if found == tag]


@pytest.fixture
def document(tmp_path: Path) -> str:
    return html(tmp_path)


def test_every_element_is_closed_and_every_id_is_there_once(document: str) -> None:
    ids = Outline(document).attributes("id")
    assert len(ids) == len(set(ids))


def test_every_link_leads_to_something_on_the_page(document: str) -> None:
    outline = Outline(document)
    assert {href.removeprefix("#") for href in outline.attributes("href")} <= set(outline.attributes("id"))


def test_nothing_is_loaded_from_anywhere(document: str) -> None:
    outline = Outline(document)
    assert outline.attributes("src") == []
    assert not re.search(r"https?://|@import|url\(", document)


def test_the_policy_lets_only_the_pages_own_style_and_script_run(document: str) -> None:
    (policy,) = (meta["content"] or "" for meta in Outline(document).tags("meta") if meta.get("http-equiv") is not None)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", document, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_nothing_has_style_or_handlers_of_its_own(document: str) -> None:
    """The policy would block them, and the page would look wrong."""
    names = {name for _, attributes in Outline(document).found for name in attributes}
    assert not any(name == "style" or name.startswith("on") for name in names)


def test_the_page_has_a_language_one_main_heading_and_headings_without_gaps(document: str) -> None:
    outline = Outline(document)
    assert outline.tags("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in outline.found if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_control_has_a_label(document: str) -> None:
    outline = Outline(document)
    labelled = set(outline.attributes("for"))
    controls = [tag for name in ("input", "select") for tag in outline.tags(name)]
    assert controls
    assert all(control["id"] in labelled for control in controls)


def test_a_hostile_name_is_text(tmp_path: Path) -> None:
    document = html(tmp_path, converted(inner=EVIL))
    outline = Outline(document)
    assert len(outline.tags("script")) == 1
    assert outline.tags("img") == []
    assert "&lt;img src=x onerror=" in document


def test_no_text_of_the_page_holds_what_acts_or_hides(tmp_path: Path) -> None:
    """Wherever a file's words may come to stand: every single text of the page ends in it."""
    found = render(with_texts(page(tmp_path), lambda text: text + ACTIVE))
    assert (
        re.search(
            "[\0-\t\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]", found
        )
        is None
    )
    assert f"<title>pass: m.tflite{SHOWN}</title>" in found
    assert f'data-op="FULLY_CONNECTED{SHOWN}"' in found
    assert f"{SHOWN}</code></pre>" in found.replace("\nforged", "\\nforged")


def test_names_that_are_no_unicode_do_not_stop_the_page(tmp_path: Path) -> None:
    content = converted()
    beside = manifest(content, source={"name": "lone \ud800 surrogate", "sha256": "0" * 64}) | {"outputs": []}
    html(tmp_path, content, manifest=beside, compared=False).encode()


def test_the_same_file_gives_the_same_page(tmp_path: Path) -> None:
    assert html(tmp_path) == html(tmp_path)


def test_without_a_source_the_page_says_how_to_get_more(tmp_path: Path) -> None:
    document = html(tmp_path, compared=False)
    Outline(document)
    assert "with the float model as reference, and samples as data" in document

r"""Names that would move a cursor or forge a line are shown as Python writes them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum

import pytest

from dlpuconv.language.printable import printable, printable_json, printable_lines


class Word(StrEnum):
    ONE = "one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    name: str
    parts: tuple[Result, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    word: Word = Word.ONE


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größe 大 |x| \N{MULTIPLICATION SIGN}", "größe 大 |x| \N{MULTIPLICATION SIGN}"),
        ("a\x1b[31mRED\nnext\r\x07", r"a\x1b[31mRED\nnext\r\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("\ud800evil", r"\ud800evil"),
        ("abc\u202edcb", r"abc\u202edcb"),
        ("a\u2028b\tc", r"a\u2028b\tc"),
        ("a\u200bb\u200dc\u2060d\xade", r"a\u200bb\u200dc\u2060d\xade"),
        ("\u061c\u200e\u200f\u2066\u2069\ufeff", r"\u061c\u200e\u200f\u2066\u2069\ufeff"),
        ("tag \U000e0041", r"tag \U000e0041"),
    ],
)
def test_a_text_keeps_all_but_what_acts(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).isprintable()


def test_lines_stay_lines() -> None:
    assert printable_lines("a\nb\x1b\r") == "a\nb\\x1b\\r"


def test_a_result_is_printable_throughout_and_of_the_same_type() -> None:
    found = printable(Result(name="a\n", parts=(Result(name="\x1b"),), counts={"\a": 2}))
    assert found == Result(name=r"a\n", parts=(Result(name=r"\x1b"),), counts={r"\x07": 2})
    assert isinstance(found.word, Word)


def test_what_needs_no_change_is_the_same_object() -> None:
    result = Result(name="a", parts=(Result(name="b"),), counts={"c": 1})
    assert printable(result) is result


@pytest.mark.parametrize("text", ["\ud800", "\U000e0041", "\u200b", "\x9b", "\x1b\n\0", "\u202e", 'größe "大"'])
def test_json_says_the_same_and_is_utf8(text: str) -> None:
    content = printable_json({text: [text]}, indent=2)
    assert json.loads(content.encode("utf-8")) == {text: [text]}
    assert content.replace("\n", "").isprintable()

"""Messages of a bounded length, whatever names a model holds and however many things are wrong with it."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from dlpuconv.display.wording import python_words
from dlpuconv.errors import ModelError, UsageError
from dlpuconv.frontends.report import raise_together
from dlpuconv.language.brief import MOST_MESSAGE, brief, listed, more

LONG = "n" * 500
CUT = "n" * 77 + "..."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the tensor 'w' is short", "the tensor 'w' is short"),
        (f"the tensor {LONG!r} is long", f"the tensor '{CUT}' is long"),
        (f"the chip's own \"{LONG}\", or the network's", f"the chip's own \"{CUT}\", or the network's"),
        (f"the chip's '{'a b ' * 50}' has words", f"the chip's '{('a b ' * 50)[:77]}...' has words"),
        (f"Conv {LONG} is bare", f"Conv {CUT} is bare"),
        (f"end it with --cut-at {LONG} and go on", f"end it with --cut-at {LONG} and go on"),
        (f"end it with --cut-at '{LONG}' and go on", f"end it with --cut-at '{LONG}' and go on"),
        ("", ""),
    ],
)
def test_a_name_of_more_than_80_characters_is_cut_and_what_is_to_be_typed_is_not(text: str, shown: str) -> None:
    assert brief(text) == shown


def test_a_path_of_this_machine_stays_whole_and_a_name_that_looks_like_one_does_not(tmp_path: Path) -> None:
    path = tmp_path / ("folder" * 20) / "model.onnx"
    assert brief(f"cannot write to {str(path)!r}: no") == f"cannot write to {str(path)!r}: no"
    assert len(brief(f"{'/layers' * 20}/conv/Conv is odd")) == len("is odd") + 81


def test_a_message_ends_with_a_word_within_600_characters() -> None:
    shown = brief("one " * 1000)
    assert MOST_MESSAGE - 5 < len(shown) <= MOST_MESSAGE
    assert shown.endswith("one...")


def test_a_message_of_a_million_quotes_is_cut_as_well() -> None:
    assert len(brief(" 'a" * 1_000_000)) <= MOST_MESSAGE


def test_a_list_tells_how_many_it_leaves_out() -> None:
    assert listed("abc") == "a, b, c"
    assert listed("abcdef", 3) == "a, b, c and 3 more"
    assert listed("abcdef", 3, "; ") == "a; b; c; and 3 more"
    assert (more(0), more(2)) == ("", "and 2 more")


def test_a_list_of_long_texts_shows_fewer_and_at_least_one() -> None:
    sentence = "word " * 50
    assert listed([sentence] * 5, 8, "; ") == f"{sentence}; and 4 more"
    assert listed([LONG] * 9) == ", ".join([CUT] * 5) + " and 4 more"


def test_an_error_tells_the_first_problems_and_holds_all_of_them() -> None:
    texts = [f"Conv {name!r} is odd" for name in (LONG, *"bcdefghijklm")]
    with pytest.raises(ModelError) as caught:
        raise_together([ModelError(text) for text in texts])
    assert str(caught.value).startswith(f"Conv '{CUT}' is odd; Conv 'b' is odd; ")
    assert str(caught.value).endswith("Conv 'h' is odd; and 5 more")
    assert caught.value.problems == tuple(texts)
    assert caught.value.to_json()["problems"] == texts


def test_an_error_with_one_problem_holds_it() -> None:
    assert UsageError("no").problems == ("no",)


def test_the_problems_of_an_error_are_reworded_and_survive_pickling() -> None:
    with pytest.raises(UsageError) as caught, python_words():
        raise UsageError("--opset 3 is odd", ["--opset 3 is odd", "--strict"])
    assert caught.value.problems == ("opset=3 is odd", "strict=True")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.problems) == (str(caught.value), caught.value.problems)


def test_one_place_counts_what_lists_leave_out() -> None:
    root = Path(__file__).parents[2]
    sources = [path for name in ("dlpuconv", "backends", "targets") for path in (root / name).rglob("*.py")]
    counting = [path.name for path in sources if re.search(r"and \{[^{}]+\} more\b", path.read_text("utf-8"))]
    assert counting == ["brief.py"]


def test_a_name_of_nothing_but_points_is_cut_like_any_other() -> None:
    assert brief(f"no target '{'./' * 60}'") == f"no target '{('./' * 60)[:77]}...'"

"""Messages are written once, in the command line's words, and read in Python's by a caller of the API."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from dlpuconv import api
from dlpuconv.cli.app import app
from dlpuconv.cli.batch.group import all_commands
from dlpuconv.display.bars import Lines
from dlpuconv.display.wording import FLAGS, OPTIONS, RENAMED, InPython, in_python, python_words
from dlpuconv.errors import UsageError
from dlpuconv.workflow.conversion import Conversion

REPOSITORY = Path(__file__).parents[2]
ONLY_TYPED = {
    "base", "dry-run", "fail-on", "help", "html", "install-completion", "json", "overlay", "parquet", "quiet", "save",
    "show-completion", "top", "version",
}  # fmt: skip
"""Options that only a command line has use for."""
OF_OTHER_TOOLS = {"min-db", "min", "sample"}


@pytest.mark.parametrize(
    ("typed", "python"),
    [
        ("give --calibration a folder", "give calibration a folder"),
        ("(--calibration FOLDER)", "(calibration='FOLDER')"),
        ("or --calibration none, which", "or calibration='none', which"),
        ("Try --effort best; then", "Try effort='best'; then"),
        ("--effort 'fastest' is not one of fast, best", "effort='fastest' is not one of fast, best"),
        ("--granularity per-channel.", "granularity='per-channel'."),
        ("--override 'a b*=per-channel'", "overrides={'a b*': 'per-channel'}"),
        ("--override x=per-tensor matches none", "overrides={'x': 'per-tensor'} matches none"),
        ("end it with --cut-at a/b:0,c and go on", "end it with cut_at=['a/b:0', 'c'] and go on"),
        ("before it with --cut-at x.", "before it with cut_at=['x']."),
        ("--cut-at to.q: no operator", "cut_at=['to.q']: no operator"),
        ("--cut-at 'a b': no operator", "cut_at=['a b']: no operator"),
        ("--cut-at NAME,... ends the network", "cut_at=['NAME', ...] ends the network"),
        ("--input-shape NAME=1,3,H,W", "input_shape={'NAME': (1, 3, H, W)}"),
        ("with --input-shape NAME=1,...; split", "with input_shape={'NAME': (1, ...)}; split"),
        ("see --mean, --std or --preset -1-1", "see mean, std or preset='-1-1'"),
        ("--std 0,1,1: every value", "std=(0, 1, 1): every value"),
        ("--opset 21 is not possible", "opset=21 is not possible"),
        ("convert with --target cv25, which", "convert with target='cv25', which"),
        ("--metric m:f: the module m", "metric='m:f': the module m"),
        ("give --force to replace", "give force=True to replace"),
        ("so --force leaves it; give --force=all to", "so force=True leaves it; give force='all' to"),
        ("unless it is --force=all.", "unless it is force='all'."),
        ("`dlpuconv analyze` tells", "`dlpuconv.analyze` tells"),
        ("`dlpuconv verify --ignore TFL-DEAD` leaves it out", "`dlpuconv.verify ignore=['TFL-DEAD']` leaves it out"),
        ("--ignore OUT-DEAD,TFL-BIAS-SCALE.", "ignore=['OUT-DEAD', 'TFL-BIAS-SCALE']."),
        ("follow it with --recipe x.toml.", "follow it with recipe='x.toml'."),
        ("--reference ../model.onnx --data images/", "reference='../model.onnx' data='images/'"),
        ("give --reference and/or --data", "give reference and/or data"),
        ("convert with --backend tflite.", "convert with backend='tflite'."),
        ("without --backend the chip's own", "without backend the chip's own"),
        ("--mean 1e-3,2 --std 1e+04", "mean=(1e-3, 2) std=1e+04"),
        ("--max-drop nan is not a number", "max_drop=nan is not a number"),
        ("--firmware 11.11.73 carries", "firmware='11.11.73' carries"),
        ("--input-shape 'a b=1,3' has 2", "input_shape={'a b': (1, 3)} has 2"),
        ("--input-shape x=5.", "input_shape={'x': (5,)}."),
        ("--input-shape x=1,-3 has", "input_shape={'x': (1, -3)} has"),
        ("--input-shape 'a model' is not of the form", "input_shape='a model' is not of the form"),
        ("--override 'per-channel' is not GLOB=GRANULARITY", "overrides='per-channel' is not GLOB=GRANULARITY"),
        ("""--override 'it'"'"'s=per-channel'""", """overrides={"it's": 'per-channel'}"""),
        # what is no option of ours, or no option at all, is left alone
        ("edgetpu_compiler --min_runtime_version 13", "edgetpu_compiler --min_runtime_version 13"),
        ("--effort-less a--mean --topmost", "--effort-less a--mean --topmost"),
    ],
)
def test_options_are_keywords_in_python(typed: str, python: str) -> None:
    assert in_python(typed) == python


@dataclass(frozen=True)
class Result:
    advice: tuple[str, ...]


def test_every_text_of_a_result_is_reworded_and_one_without_options_is_the_same_object() -> None:
    plain = Result(("no option here",))
    assert in_python(plain) is plain
    assert in_python(Result(("--strict", "x"))) == Result(("strict=True", "x"))


def test_an_error_that_leaves_is_of_its_kind_and_reworded() -> None:
    with pytest.raises(UsageError, match=r"^opset=3 is not possible$"), python_words():
        raise UsageError("--opset 3 is not possible")


def test_warnings_of_long_work_are_reworded(capsys: pytest.CaptureFixture[str]) -> None:
    InPython(Lines()).message("--fold-preprocess op is exact")
    assert capsys.readouterr().err == "warning: fold_preprocess='op' is exact\n"


def options_of_the_command_line() -> set[str]:
    group = typer.main.get_command(app)
    commands = [group, *all_commands(group).values()]  # type: ignore[arg-type]
    named = {name for command in commands for parameter in command.params for name in parameter.opts}
    return {name.removeprefix("--") for name in named if name.startswith("--")} - ONLY_TYPED


def test_both_faces_have_the_same_options() -> None:
    assert options_of_the_command_line() == OPTIONS
    functions = (api.analyze, api.batch, api.check, api.compare, api.convert, api.inspect, api.verify, Conversion.save)
    keywords = {name for function in functions for name in inspect.signature(function).parameters}
    spoken = {text.split("=")[0] for text in FLAGS.values()}
    spoken |= {RENAMED.get(name, name.replace("-", "_")) for name in OPTIONS - FLAGS.keys()}
    assert spoken <= keywords


def messages() -> Iterator[tuple[str, str]]:
    """Every text in the sources that is no docstring, f-strings with VALUE for what is filled in."""
    for root in ("dlpuconv", "backends", "targets"):
        for path in sorted((REPOSITORY / root).rglob("*.py")):
            if path.is_relative_to(REPOSITORY / "dlpuconv" / "cli") or path.name == "wording.py":
                continue
            tree = ast.parse(path.read_text())
            parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
            parts |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
                    yield path.name, node.value
                elif isinstance(node, ast.JoinedStr):
                    yield (
                        path.name,
                        "".join(str(part.value) if isinstance(part, ast.Constant) else "VALUE" for part in node.values),
                    )


FILLED_IN = {
    "color": "bgr",
    "effort": "best",
    "granularity": "per-channel",
    "input-shape": "'a b=1,3'",
    "max-drop": "1e-05",
    "mean": "0.5,1e-05",
    "opset": "13",
    "output-kind": "'a b=scores'",
    "override": "'a b=per-channel'",
    "preset": "0-1",
    "std": "1,2e+03",
    "workers": "0",
}
"""What may stand where a message names a value that is filled in; a word of capitals for the other options."""
WRECKS = (
    r"\w=(?![\w'\"({\[-])",  # a keyword without its value
    r"\{'':",  # a dict without its key
    r"[\w]=(?:'[^']*'|\"[^\"]*\"|\[[^]]*\]|\{[^}]*\}|\([^)]*\))[\w=({\['\"-]",  # a value that was cut short
    r"(?:max_drop|mean|min_sqnr|opset|std)=-?\d++(?:\.\d++)?+(?:e[+-]?\d++)?+(?:[\w+-]|,\d)",  # a number that was
)


def wreck(text: str) -> str:
    """What Python's words make of a message, where that is no sentence any more."""
    values = {name: FILLED_IN.get(name, "VALUE") for name in re.findall(r"(?<=--)([a-z-]+) VALUE", text)}
    python = in_python(re.sub(r"(?<=--)([a-z-]+) VALUE", lambda found: f"{found[1]} {values[found[1]]}", text))
    left = [f"{RENAMED.get(name, name.replace('-', '_'))} {value}" for name, value in values.items()]
    wrecked = any(words in python for words in left) or any(re.search(pattern, python) for pattern in WRECKS)
    return python if wrecked else ""


def test_no_message_is_wrecked_by_rewording() -> None:
    assert [found for _, text in messages() if "--" in text and (found := wreck(text))] == []


def test_every_option_that_a_message_names_is_one_of_the_command_line() -> None:
    found = {
        (file, name)
        for file, text in messages()
        for name in re.findall(r"(?<![\w-])--([a-z][a-z-]*[a-z])(?![\w-])", text)
    }
    assert len(found) > 50
    assert {(file, name) for file, name in found if name not in OPTIONS | ONLY_TYPED | OF_OTHER_TOOLS} == set()


HABITS = {
    r"made[- ]up (?:sample|picture|image|one)": "synthetic",
    r"as far as (?:is|anybody) know": "probably",
    r"\bfor want of\b": "because there is no",
    r"\bfor ever\b": "never ends",
    r"\bno process can be had\b": "no process can be started",
    r"\b(?:does|did) not survive (?:it|the)\b": "crashes",
    r"memory may not do\b": "may not be enough",
    r"\bof no use\b": "useless",
    r"\bkeeps? (?:[\d.]+ )?(?:\w+ )?of itself\b": "a share of what is named",
    r"\b(?:its|their) kin\b": "the operators by name",
    r"\bneeds? eyes\b": "failures first",
    r"\bas ever\b": "as for other models",
    r"\bfigures mean little\b": "the figures say little about real data",
    r"\bthat calibration did not see\b": "that were not used for calibration",
}
"""Phrases that readers stumbled over and that had become habits, each with what to write."""


def pages_for_readers() -> Iterator[tuple[str, str]]:
    for path in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))):
        yield path.name, path.read_text("utf-8")
    for root in ("dlpuconv", "backends", "targets"):
        for suffix in ("toml", "j2", "html"):
            for path in sorted((REPOSITORY / root).rglob(f"*.{suffix}")):
                yield path.name, path.read_text("utf-8")


def helps() -> Iterator[tuple[str, str]]:
    group = typer.main.get_command(app)
    for name, command in all_commands(group).items():  # type: ignore[arg-type]
        yield name, command.help or ""
        for parameter in command.params:
            yield name, getattr(parameter, "help", "") or ""


def test_phrases_that_readers_stumbled_over_do_not_come_back() -> None:
    texts = [(name, " ".join(text.split())) for name, text in (*messages(), *helps(), *pages_for_readers())]
    found = [
        (name, f"{phrase[0]} -> {better}")
        for name, text in texts
        for habit, better in HABITS.items()
        if (phrase := re.search(habit, text, re.IGNORECASE)) is not None
    ]
    assert found == []

"""A keyword spotter, and what it heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from scripts.demos.attempt import Attempt, answers, source, table, tell_failures
from tests.models import zoo

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

TITLE = "a keyword spotter of MLPerf Tiny, and the words that the float model and the int8 file hear"

_NAME = "kws_dscnn_mlperf"
_HEARD = 16
_WORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes", "(silence)", "(another word)")


def run(output: Path, console: Console) -> int:
    """Convert, measure, print.

    Returns:
        0 if both files passed their verification, else 1.
    """
    console.print(f"Converting {_NAME}, trained on Speech Commands, for artpec8 and artpec9 ...")
    task = zoo.task(_NAME)
    found = Attempt.of(source(_NAME), output, target=("artpec8", "artpec9"), calibration=task.load_calib())
    console.print("", _heard(found.paths[0]), "", table(_NAME, [found]), "", sep="\n")
    console.print("(top-1 accuracy on 200 spoken words that were not used for calibration)\n")
    tell_failures(console, [found])
    return 0 if found.conversion.verdict == "pass" else 1


def _heard(file: Path) -> Table:
    """The first words, as they were said and as they were heard."""
    samples, said = zoo.task(_NAME).load_eval()
    columns = [answers(path, samples[:_HEARD])[0].argmax(1) for path in (source(_NAME), file)]
    made = Table("spoken", "float", "int8", "", box=None, pad_edge=False)
    for right, *heard in zip(said[:_HEARD], *columns, strict=True):
        words = [_WORDS[number] for number in (right, *heard)]
        wrong = [of for of, word in zip(("float", "int8"), words[1:], strict=True) if word != words[0]]
        made.add_row(*words, f"[yellow]{' and '.join(wrong)} wrong[/]" if wrong else "")
    return made

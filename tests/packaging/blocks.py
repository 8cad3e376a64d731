"""The code in pages: what is in their fenced blocks, which of them are run, and how."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.plugins.environment import Environment

NOT_RUN = {
    "on the camera": "there is no camera here",
    "where Ambarella's tools are": "the tools are Ambarella's, and for its partners only",
    "where Ultralytics is installed": "its licence is the AGPL, and it downloads weights",
    "where a cluster runs": "there is none; tests/batches/engines/test_cluster.py starts one",
    "in the repository": "takes minutes to hours; tests/packaging/test_demo.py and tests/benchmarks try what it does",
    "install": "needs a package registry; tests/packaging/test_distribution.py builds what it installs",
}
"""Titles of the blocks that no test runs, and why."""

RUN = ("python", "sh", "console")
SHOWN = ("text", "toml", "yaml", "json", "c")
"""Languages of blocks that are not run; one that begins with the name of a file is written to it."""

_FENCE = re.compile(r"^```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?[^\n]*\n(?P<code>.*?)^```$", re.S | re.M)
_FILE = re.compile(r"# (\S+\.\w+)\n")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes:
        line: of its first line of code, from 0.
        language: the word behind the fence; empty without one.
        title: in the fence, where it has one.
        code: what is in it.
    """

    line: int
    language: str
    title: str
    code: str

    @property
    def runs(self) -> bool:
        return self.language in RUN and self.title not in NOT_RUN

    @property
    def file(self) -> str:
        """The file that it is, where its first line says so."""
        found = _FILE.match(self.code)
        return found[1] if found else ""


def pages(repository: Path) -> list[str]:
    """Every page for people: those at the top and those below docs/."""
    top = (repository / name for name in ("README.md", "CONTRIBUTING.md"))
    return [str(page.relative_to(repository)) for page in (*top, *sorted((repository / "docs").rglob("*.md")))]


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text("utf-8")
    for found in _FENCE.finditer(text):
        line = text[: found.start("code")].count("\n")
        yield Block(line, found["language"], found["title"] or "", found["code"])


def run_page(page: Path, fresh: Environment) -> int:
    """Run what a page shows, in its order, in the environment's folder; how many blocks that were.

    Python runs in this process, in one namespace a page, with the page's own lines in tracebacks.
    """
    namespace: dict[str, object] = {"__name__": "page"}
    count = 0
    for block in blocks_of(page):
        if block.file:
            path = fresh.place / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code, "utf-8")
        elif block.runs and block.language == "python":
            exec(compile("\n" * block.line + block.code, str(page), "exec"), namespace)
        elif block.runs and block.language == "sh":
            done = fresh.run("sh", "-e", "-c", block.code)
            assert done.returncode == 0, f"{block.code}\n{done.stdout}\n{done.stderr}"
        elif block.runs:
            run_console(block.code, fresh)
        count += block.runs
    return count


def run_console(code: str, fresh: Environment) -> None:
    """Commands behind `$`, each with all that it prints; runs of spaces are one.

    A line of `...` stands for any lines, and `...` in a line for the rest of its words.
    """
    for entry in re.split(r"^\$ ", code, flags=re.M)[1:]:
        command, _, shown = entry.partition("\n")
        done = fresh.run("sh", "-c", command)
        pattern = "".join(
            r"(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n"
            for line in _lines(shown)
        )
        told = "".join(f"{line}\n" for line in _lines(done.stdout))
        assert re.fullmatch(pattern, told), f"{command}\n{done.stdout}\n{done.stderr}"


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.strip().splitlines()]


def furnish(place: Path, repository: Path) -> None:
    """What pages take for granted: `model.onnx`, and the pictures in `images/`."""
    models = repository / "tests" / "models"
    shutil.copy(models / "cifar_mobilenetv2" / "model.onnx", place / "model.onnx")
    shutil.copytree(models / "_data" / "cifar10" / "calibration", place / "images")

"""What the README tells people to type exists."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shlex
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

import dlpuconv
from dlpuconv import errors

if TYPE_CHECKING:
    from pathlib import Path

ALWAYS = {0, 1, 2, 10, 129, 130, 131, 143}


@pytest.fixture(scope="module")
def readme(repository: Path) -> str:
    return (repository / "README.md").read_text()


def blocks(readme: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", readme, re.DOTALL)


def rows(readme: str, heading: str) -> list[str]:
    """First cell of every row of the table under a heading."""
    section = readme.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `?([^|`]+?)`? \|", section, re.MULTILINE)[1:]


def all_errors(root: type[errors.DlpuconvError]) -> set[type[errors.DlpuconvError]]:
    return {root}.union(*(all_errors(child) for child in root.__subclasses__()))


def test_it_starts_with_the_two_commands(readme: str, repository: Path) -> None:
    scripts = [shlex.split(line, comments=True) for line in blocks(readme, "sh")[0].splitlines()]
    assert scripts == [["scripts/demo"], ["scripts/test"]]
    assert all(os.access(repository / script, os.X_OK) for (script,) in scripts)


def test_its_extras_exist(readme: str, repository: Path) -> None:
    extras = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(rows(readme, "Install")) == {"none", *extras}
    assert all(name in extras for name in re.findall(r'"\.\[(\w+)\]"', readme))


def test_its_commands_have_only_options_that_exist(readme: str) -> None:
    commands = [line for block in blocks(readme, "sh") for line in block.splitlines() if line.startswith("dlpuconv")]
    assert commands
    for command in commands:
        _, name, *arguments = shlex.split(command)
        run = [sys.executable, "-c", "import sys; from dlpuconv.cli import main; sys.exit(main())", name, "--help"]
        help_text = subprocess.run(run, check=True, capture_output=True, text=True).stdout
        assert [a for a in arguments if a.startswith("--") and not re.search(rf"{a}\b", help_text)] == []


def test_its_python_calls_convert_with_keywords_that_exist(readme: str) -> None:
    (call,) = (
        node
        for source in blocks(readme, "python")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "dlpuconv.convert"
    )
    assert {keyword.arg for keyword in call.keywords} <= set(inspect.signature(dlpuconv.convert).parameters)


def test_its_targets_are_the_built_in_ones(readme: str, repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    assert rows(readme, "Targets") == sorted(project["entry-points"]["dlpuconv.targets"])


def test_its_exit_statuses_are_those_of_the_errors(readme: str) -> None:
    raised = {error.status for error in all_errors(errors.DlpuconvError) - {errors.DlpuconvError}}
    assert list(map(int, rows(readme, "Exit status"))) == sorted(raised | ALWAYS)


def test_its_environment_variables_are_those_that_are_read(readme: str, repository: Path) -> None:
    sources = [path for root in ("dlpuconv", "backends", "targets") for path in (repository / root).rglob("*.py")]
    read = {name for path in sources for name in re.findall(r'"(DLPUCONV_[A-Z_]+)"', path.read_text())}
    assert set(rows(readme, "Environment")) == read

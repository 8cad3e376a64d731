"""What the README, and the page of statuses and variables, tell of the program is so."""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from typing import TYPE_CHECKING

import pytest

from dlpuconv import errors
from tests.packaging.blocks import blocks_of

if TYPE_CHECKING:
    from pathlib import Path

ALWAYS = {0, 1, 2, 10, 129, 130, 131, 143}


@pytest.fixture(scope="module")
def readme(repository: Path) -> str:
    return (repository / "README.md").read_text()


@pytest.fixture(scope="module")
def statuses(repository: Path) -> str:
    return (repository / "docs" / "reference" / "status.md").read_text()


def rows(readme: str, heading: str) -> list[str]:
    """First cell of every row of the table under a heading."""
    section = readme.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `?([^|`]+?)`? \|", section, re.MULTILINE)[1:]


def all_errors(root: type[errors.DlpuconvError]) -> set[type[errors.DlpuconvError]]:
    return {root}.union(*(all_errors(child) for child in root.__subclasses__()))


def test_it_starts_with_the_three_commands(repository: Path) -> None:
    first = next(blocks_of(repository / "README.md"))
    scripts = [shlex.split(line, comments=True) for line in first.code.splitlines()]
    assert scripts == [["scripts/demo"], ["scripts/test"], ["scripts/docs"]]
    assert all(os.access(repository / script, os.X_OK) for (script,) in scripts)


def test_its_extras_exist(readme: str, repository: Path) -> None:
    extras = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(rows(readme, "Install")) == {"none", *extras}
    assert all(name in extras for name in re.findall(r'"\.\[(\w+)\]"', readme))


def test_its_targets_are_the_built_in_ones(readme: str, repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    assert rows(readme, "Targets") == sorted(project["entry-points"]["dlpuconv.targets"])


def test_the_exit_statuses_are_those_of_the_errors(statuses: str) -> None:
    raised = {error.status for error in all_errors(errors.DlpuconvError) - {errors.DlpuconvError}}
    assert list(map(int, rows(statuses, "Exit status"))) == sorted(raised | ALWAYS)


def test_the_environment_variables_are_those_that_are_read(statuses: str, repository: Path) -> None:
    sources = [path for root in ("dlpuconv", "backends", "targets") for path in (repository / root).rglob("*.py")]
    read = {name for path in sources for name in re.findall(r'"(DLPUCONV_[A-Z_]+)"', path.read_text())}
    assert set(rows(statuses, "Environment")) == read

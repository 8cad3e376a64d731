"""What docs/security.md claims is shown by tests that exist."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs" / "security.md").read_text("utf-8")


def test_every_test_that_it_names_exists(page: str, repository: Path) -> None:
    named = set(_TEST.findall(page))
    assert len(named) > 40
    files = {file: (repository / file).read_text("utf-8") for file, _ in named if (repository / file).exists()}
    known = {
        (file, node.name)
        for file, text in files.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
    }
    assert not named - known


def test_every_threat_is_met_with_something_that_a_test_shows(page: str) -> None:
    section = page.split("## Threats, and what is done about them\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| threat |")]
    assert len(rows) > 25
    for row in rows:
        threat, done, shown = (cell.strip() for cell in row.strip("|").split("|"))
        assert threat, row
        assert done, row
        assert _TEST.sub("", shown).strip(" ,") == "", row
        assert _TEST.findall(shown), row

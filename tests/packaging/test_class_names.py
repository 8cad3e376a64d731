"""One class, one name: who reads it in a message or an editor knows which one is meant."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def homes(roots: Iterable[Path]) -> dict[str, list[str]]:
    """Where each class is defined, by its name; those within functions and classes too."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(path for root in roots for path in root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(f"{path.name}:{node.lineno}")
    return found


def test_no_class_name_is_given_twice(repository: Path) -> None:
    found = homes(repository / root for root in ("dlpuconv", "backends", "targets"))
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


def test_a_name_that_is_given_twice_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("class Layer: ...\n")
    (tmp_path / "b.py").write_text("def make():\n    class Layer: ...\n")
    assert homes([tmp_path]) == {"Layer": ["a.py:1", "b.py:2"]}

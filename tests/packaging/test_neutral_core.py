"""The core knows neither a chip nor, outside of what reads them, a file format by name."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHIPS = re.compile(r"artpec|cv\d\d|ambarella|amba_|dra_|edge.?tpu|ethos|coral", re.IGNORECASE)
FORMATS = re.compile(r"tflite|litert|tensorflow|savedmodel|keras", re.IGNORECASE)

CHIPS_MAY_BE_NAMED = {
    "formats/package_layout.py": "names of files in the folders for a chip maker's compiler, which it reads and writes",
    "cli/new_plugin.py": "the target that a new one is a difference of unless another is asked for, and help about it",
}
"""Where a chip's or its maker's name may stand in a text, and why."""
FORMATS_MAY_BE_NAMED = {
    "formats/": "it reads and runs files of every format",
    "verification/rules/": "a rule about files of one format names it; targets choose among the rules",
    "plugin/": "what plugins see of one format stands in a module of its name",
    "cli/": "help names the files that a user may have, and a backend as an example",
    "frontends/": "it reads models of every format, and tells people what a file is that it does not read",
    "testing/": "libraries that a plugin may not import when it is loaded",
    "delivery/provenance.py": "libraries whose versions are written down",
    "batches/versions.py": "the same, which decide what a job makes",
    "reporting/origin.py": "the same ones",
}
"""Where a format's name may stand in a text, and why."""


def texts(module: ast.Module) -> Iterator[ast.Constant]:
    """Every string but docstrings, and but what a rule cites as its source."""
    aside = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    aside |= {id(node.value) for node in ast.walk(module) if isinstance(node, ast.keyword) and node.arg == "source"}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in aside:
            yield node


@cache
def lines(core: Path) -> list[tuple[str, str]]:
    """`path:line: text` of every text in the core, beside the text itself."""
    return [
        (f"{path.relative_to(core).as_posix()}:{node.lineno}: {node.value!r}", str(node.value))
        for path in sorted(core.rglob("*.py"))
        for node in texts(ast.parse(path.read_text("utf-8")))
    ]


def named(core: Path, words: re.Pattern[str]) -> list[str]:
    """`path:line: text` of every text in the core with one of these words."""
    return [line for line, text in lines(core) if words.search(text)]


def test_the_core_names_no_chip(repository: Path) -> None:
    found = named(repository / "dlpuconv", CHIPS)
    assert [line for line in found if not line.startswith(tuple(CHIPS_MAY_BE_NAMED))] == []


def test_the_core_names_a_format_only_where_there_is_a_reason(repository: Path) -> None:
    found = named(repository / "dlpuconv", FORMATS)
    assert [line for line in found if not line.startswith(tuple(FORMATS_MAY_BE_NAMED))] == []


@pytest.mark.parametrize("place", FORMATS_MAY_BE_NAMED)
def test_every_exception_is_needed(repository: Path, place: str) -> None:
    assert any(line.startswith(place) for line in named(repository / "dlpuconv", FORMATS))


def test_what_is_looked_for_is_found(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(
        '"""On artpec8."""\nA = f"{B}.TFLite"\nC = rule(source="Arm: ethos-u", sentence="not on cv25")\n'
    )
    assert named(tmp_path, CHIPS) == ["m.py:3: 'not on cv25'"]
    assert named(tmp_path, FORMATS) == ["m.py:2: '.TFLite'"]

"""docs/design.md and CONTRIBUTING.md: whatever they name is there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

PAGES = ("docs/design.md", "CONTRIBUTING.md")
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?:dlpuconv|backends|targets|tests|scripts|docs)/[\w./-]*|[\w-]+\.(?:md|toml)")
_DOTTED = re.compile(r"dlpuconv(?:_\w+)?(?:\.[a-z_]\w*)+(?:\.[A-Z]\w*)?")
_GROUPS = ("dlpuconv.backends", "dlpuconv.targets")  # entry points


def places(text: str) -> set[str]:
    """Paths in code, commands' scripts among them."""
    words = (word for code in _CODE.findall(text) for word in code.split())
    blocks = (word for block in re.findall(r"```sh[^\n]*\n(.*?)```", text, re.DOTALL) for word in block.split())
    return {word for word in (*words, *blocks) if _PATH.fullmatch(word)}


def is_there(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    module, _, last = name.rpartition(".")
    if last[0].islower() and importlib.util.find_spec(name) is not None:
        return True
    return importlib.util.find_spec(module) is not None and hasattr(importlib.import_module(module), last)


@pytest.mark.parametrize("page", PAGES)
def test_every_path_is_one(repository: Path, page: str) -> None:
    found = places((repository / page).read_text("utf-8"))
    assert len(found) > 10
    assert [place for place in sorted(found) if not (repository / place).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_name_of_a_module_or_class_is_one(repository: Path, page: str) -> None:
    names = {name for code in _CODE.findall((repository / page).read_text("utf-8")) for name in _DOTTED.findall(code)}
    assert [name for name in sorted(names - set(_GROUPS)) if not is_there(name)] == []


def test_every_package_of_the_core_is_in_the_layout(repository: Path) -> None:
    told = places((repository / "docs" / "design.md").read_text("utf-8"))
    packages = {f"dlpuconv/{file.parent.name}/" for file in (repository / "dlpuconv").glob("*/__init__.py")}
    assert packages - told == set()
    plugins = {f"{root}/{file.parent.name}/" for root in ("backends/dlpuconv_backends", "targets/dlpuconv_targets")
               for file in (repository / root).glob("*/__init__.py")}  # fmt: skip
    assert plugins - told == set()

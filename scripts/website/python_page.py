"""docs/reference/python.md: where MkDocs puts the docstrings of every public name."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = """\
# Python

The names of `dlpuconv`, with their docstrings; the site shows them below. Where this page is read as a file, see
[public-api.txt](../public-api.txt), which lists the public side with all signatures, that of plugins among them. Both
are written from the source, this page by `scripts/site_pages.py`.
"""
_FUNCTIONS = "What there is to do"
_CLASSES = "What comes of it, and what it takes"
_MODULES = {"dlpuconv.metrics": "Ready metrics", "dlpuconv.qat": "Training with a chip's numbers"}


def page(repository: Path) -> str:
    """One directive for each name, at the place where it is defined: `dlpuconv` imports them when they are used."""
    from scripts.api_listing.sources import Sources

    sources = Sources(repository)
    face = sources.module("dlpuconv")
    assert face is not None
    found = [at for name in face.exported if (at := sources.find(face, name)) is not None and name[0] != "_"]
    parts = [_HEAD]
    for title, lower in ((_FUNCTIONS, True), (_CLASSES, False)):
        parts.append(f"## {title}\n")
        parts += [_directive(at.path, f"dlpuconv.{at.name}") for at in found if at.name[0].islower() is lower]
    for name, title in _MODULES.items():
        module = sources.module(name)
        assert module is not None
        parts.append(f"## {title}\n")
        names = module.exported or [each for each, at in module.bindings.items() if _is_public(each, at)]
        inside = [at for each in names if (at := sources.find(module, each)) is not None]
        parts += [_directive(at.path, f"{name}.{at.name}") for at in inside]
    return "\n".join(parts)


def _is_public(name: str, bound: object) -> bool:
    """Whether a module that lists no names defines this one for others."""
    return isinstance(bound, ast.FunctionDef | ast.ClassDef) and name[0] != "_"


def _directive(path: str, shown: str) -> str:
    return f"::: {path}\n    options: {{heading: {shown}, toc_label: {shown}}}\n"

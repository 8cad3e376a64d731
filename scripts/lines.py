#!/usr/bin/env python3
"""Counts the lines of Python in dlpuconv/, backends/ and targets/ that are neither blank nor comments.

    scripts/lines.py                                    the working tree, by package
    scripts/lines.py v0.1                               a revision beside the working tree
    scripts/lines.py v0.1 --new '*/onnx_qdq/*'          with what is new since counted by itself
    scripts/lines.py --code                             without docstrings

A revision is read from git; nothing is checked out.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[1]
ROOTS = ("dlpuconv", "backends", "targets")


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision", nargs="?", help="of git, to be compared with")
    parser.add_argument("--new", nargs="*", default=[], metavar="GLOB", help="paths that are counted by themselves")
    parser.add_argument("--code", action="store_true", help="docstrings do not count either")
    arguments = parser.parse_args()
    counted = code if arguments.code else count
    now = {path: counted(text) for path, text in in_the_tree()}
    then = {path: counted(text) for path, text in at(arguments.revision)} if arguments.revision else now
    new = {path for path in now if any(fnmatchcase(path, glob) for glob in arguments.new)}
    added = sum(now[path] for path in new)
    before, left = sum(then.values()), sum(now.values()) - added
    table = Table("package", "before", "now", "change")
    packages = [Counter[str](), Counter[str]()]
    for counter, files in zip(packages, (then, now), strict=True):
        for path, lines in files.items():
            counter[_package(path)] += lines
    for name in sorted(packages[0] | packages[1]):
        was, is_now = packages[0][name], packages[1][name]
        table.add_row(name, str(was), str(is_now), f"{is_now - was:+}" if is_now != was else "")
    table.add_section()
    table.add_row("without what is new", str(before), str(left), f"{100 * (left / before - 1):+.1f} %")
    table.add_row("all", str(before), str(left + added), f"{100 * ((left + added) / before - 1):+.1f} %")
    Console(highlight=False).print(table)


def in_the_tree() -> Iterator[tuple[str, str]]:
    """Path and text of each file of the working tree."""
    for root in ROOTS:
        for file in sorted((REPOSITORY / root).rglob("*.py")):
            yield file.relative_to(REPOSITORY).as_posix(), file.read_text("utf-8")


def at(revision: str) -> Iterator[tuple[str, str]]:
    """The same of a revision."""
    listed = _git("ls-tree", "-r", "--name-only", revision, "--", *ROOTS)
    for path in listed.splitlines():
        if path.endswith(".py"):
            yield path, _git("show", f"{revision}:{path}")


def count(text: str) -> int:
    """Lines that are neither blank nor comments; those of docstrings count."""
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in text.splitlines())


def code(text: str) -> int:
    """Lines that are not those of docstrings either."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Expr)]
    told = [node for node in nodes if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)]
    lines = text.splitlines()
    return count(text) - sum(count("\n".join(lines[node.lineno - 1 : node.end_lineno])) for node in told)


def _package(path: str) -> str:
    """`dlpuconv/passes`, `backends/dlpuconv_backends/tflite`; a module at the top of a root stands with others."""
    parts = path.split("/")
    depth = 2 if parts[0] == "dlpuconv" else 3
    return "/".join(parts[:depth] if len(parts) > depth else parts[:-1])


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()

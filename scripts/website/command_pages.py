"""docs/reference/commands.md: every command and option, from the application itself."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDTH = 120
_EXAMPLE = "Example: "
_HEAD = """\
# Commands

What `--help` says of each command. This page is written by `scripts/site_pages.py` from the commands themselves; what
their exit statuses mean is told in [Exit status and environment](status.md), and [Python](python.md) has the same
options as keywords.
"""


def page() -> str:
    """All commands, in the order that help lists them."""
    import typer

    from dlpuconv.cli.app import app
    from dlpuconv.cli.batch.group import all_commands

    group: Any = typer.main.get_command(app)
    parts = [_HEAD]
    parts += [section for name, command in all_commands(group).items() for section in _command(name, command)]
    return "\n".join(parts)


def _command(name: str, command: Any) -> Iterator[str]:
    """Its heading and purpose, then a list for each panel that its help shows."""
    from dlpuconv.cli.help import _panel  # the order and the titles of help are one

    context: Any = command.make_context(name, ["--help"], resilient_parsing=True)
    yield f"## dlpuconv {name}\n"
    yield f"```text\n{context.get_usage()}\n```\n".replace("Usage: ", "").replace(f"\n{name} ", f"\ndlpuconv {name} ")
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        if paragraph.startswith(_EXAMPLE):
            yield f"```text\n{paragraph.removeprefix(_EXAMPLE)}\n```\n"
        else:
            yield _wrapped(paragraph) + "\n"
    panels: dict[str, list[str]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            names, told = record
            item = _wrapped(f"`{names}`: {_literal(told)}", indent="  ")
            panels.setdefault(_panel(parameter), []).append(f"- {item}")
    for title, items in panels.items():
        yield f"**{title}**\n"
        yield "\n".join(items) + "\n"


def _literal(text: str) -> str:
    """Help as Markdown: what looks like markup there is meant as it is written; options become code."""
    text = re.sub(r"([<>*_\[\]])", r"\\\1", text)
    return re.sub(r"(?<![\w`-])(--[a-z][a-z-]*)", r"`\1`", text)


def _wrapped(text: str, indent: str = "") -> str:
    words = " ".join(text.split())
    return textwrap.fill(words, _WIDTH - 2, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)

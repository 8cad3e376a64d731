#!/usr/bin/env python3
"""Writes docs/dlpuconv.1, the manual page, from the commands and options as they are declared.

With --check it writes nothing, and fails where the file is out of date.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))
for _root in ("backends", "targets"):
    sys.path.append(str(REPOSITORY / _root))

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = REPOSITORY / "docs" / "dlpuconv.1"
ENVIRONMENT = {
    "DLPUCONV_CACHE": "The folder of calibration statistics, instead of dlpuconv in the user's cache folder.",
    "DLPUCONV_LOWERING_PYTHON": "The Python interpreter that lowers to TFLite, where onnx2tf is installed for another"
    " one than dlpuconv.",
    "DLPUCONV_LOWERING_TIMEOUT": "How many seconds lowering may take, instead of 300 and more for many weights.",
    "DLPUCONV_TRACEBACK": "If it is set, an internal error, or a plugin's, is followed by where it came from.",
    "TMPDIR": "Where the workers' temporary files are.",
}
_EXAMPLE = "Example: "
_STATUS = "Exit status: "


def main() -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail where the file is out of date")
    arguments = parser.parse_args()
    made = page()
    current = FILE.is_file() and FILE.read_text("utf-8") == made
    print("up to date" if current else "out of date" if arguments.check else f"wrote {FILE}")
    if not current and not arguments.check:
        FILE.write_text(made, "utf-8")
    return int(arguments.check and not current)


def page() -> str:
    """All of it."""
    import typer

    from dlpuconv import __version__
    from dlpuconv.cli.app import app
    from dlpuconv.cli.batch.group import all_commands

    group: Any = typer.main.get_command(app)
    named = "convert models for the DLPUs of Axis cameras, and verify the result"
    lines = [f'.TH DLPUCONV 1 "{_released()}" "dlpuconv {__version__}" "User Commands"', ".nh", ".ad l"]
    lines += [".SH NAME", f"dlpuconv \\- {_escaped(named)}"]
    lines += [".SH SYNOPSIS", ".B dlpuconv", ".I command", r"[\fIoptions\fR]"]
    lines += [".SH DESCRIPTION", *_paragraphs(group.help)]
    for name, command in all_commands(group).items():
        lines += _command(name, command)
    lines += [".SH OPTIONS", *_options(group)]
    lines += [".SH EXIT STATUS", _escaped(group.epilog.removeprefix(_STATUS))]
    lines += [".SH ENVIRONMENT"]
    for variable, text in ENVIRONMENT.items():
        lines += [".TP", f".B {_escaped(variable)}", _escaped(text)]
    return "\n".join(lines) + "\n"


def _released() -> str:
    """The date of the newest version in the changelog."""
    found = re.search(r"^## \d\S* - (\S+)$", (REPOSITORY / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    return found[1] if found else ""


def _command(name: str, command: Any) -> Iterator[str]:
    arguments = [each.name.upper() for each in command.params if each.param_type_name == "argument"]
    yield f".SH dlpuconv {_escaped(' '.join([name, *arguments]))}"
    yield from _paragraphs(command.help)
    yield from _options(command)


def _paragraphs(text: str) -> Iterator[str]:
    """An example stands alone, as it is typed."""
    for number, paragraph in enumerate(inspect.cleandoc(text).split("\n\n")):
        if number:
            yield ".PP"
        if paragraph.startswith(_EXAMPLE):
            yield from (_EXAMPLE.rstrip(), ".PP", ".EX", _escaped(paragraph.removeprefix(_EXAMPLE)), ".EE")
        else:
            yield _escaped(" ".join(paragraph.split()))


def _options(command: Any) -> Iterator[str]:
    for each in command.params:
        text = getattr(each, "help", None) or ""
        if each.param_type_name == "argument":
            yield from (".TP", f".I {_escaped(each.name.upper())}", _escaped(text))
            continue
        yield ".TP"
        names = ", ".join(rf"\fB{_escaped(name)}\fR" for name in each.opts)
        yield names if each.is_flag else rf"{names} \fI{_escaped(each.metavar or each.type.name.upper())}\fR"
        yield _escaped(text)


def _escaped(text: str) -> str:
    """As troff prints it: a hyphen can be copied, and no line begins a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("'", "\\(aq")
    return re.sub(r"^\.", r"\\&.", escaped)


if __name__ == "__main__":
    sys.exit(main())

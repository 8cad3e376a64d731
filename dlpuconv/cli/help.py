"""Commands whose help lists options in panels.

Typer has panels only with rich, which takes a third of a second to import: twice what the rest of `--help` takes.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, override

from typer.core import TyperCommand, TyperGroup, TyperOption

from dlpuconv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typer._click.core import Context, Parameter
    from typer._click.formatting import HelpFormatter

MODEL = "Model and chip"
DATA = "Data and preprocessing"
NUMBERS = "Quantization"
PORTS = "Inputs and outputs"
CHECKS = "Verification"
RESULT = "Result"
WORK = "Workers and limits"
_ARGUMENTS, _OTHER = "Arguments", "Other options"
_PANELS = (_ARGUMENTS, MODEL, DATA, NUMBERS, PORTS, CHECKS, WORK, RESULT, _OTHER)
_EXAMPLE = "Example: "
_WIDEST_NAME = 34  # columns, beside which the text stands


class Command(TyperCommand):
    """A command of the application."""

    @override
    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """One section for each panel that has options."""
        panels: dict[str, list[tuple[str, str]]] = {title: [] for title in _PANELS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                panels[_panel(parameter)].append(record)
        for title, records in panels.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records, col_max=_WIDEST_NAME)

    @override
    def format_help_text(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Paragraphs; an example is to be copied, so its line stays whole."""
        for paragraph in inspect.cleandoc(self.help or "").split("\n\n"):
            formatter.write_paragraph()
            with formatter.indentation():
                if paragraph.startswith(_EXAMPLE):
                    formatter.write(f"{'':{formatter.current_indent}}{paragraph}\n")
                else:
                    formatter.write_text(paragraph)

    @override
    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Without any argument, the help; a flag whose name holds a value, such as `--force=all`, is one word."""
        _help_if_bare(self, ctx, args)
        flags = {name: str(parameter.name) for parameter in self.params for name in parameter.opts if "=" in name}
        given: dict[str, object] = {flags[word]: True for word in args if word in flags}
        ctx.default_map = {**(ctx.default_map or {}), **given}  # the parser takes every word apart at its `=`
        left = [word for word in args if word not in flags]
        if not ctx.resilient_parsing:
            _refuse_other_values(left, flags)
        return super().parse_args(ctx, left)


class OptionGroup(TyperGroup):
    """The application itself."""

    @override
    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Without any argument, the help."""
        _help_if_bare(self, ctx, args)
        return super().parse_args(ctx, args)


def _panel(parameter: Parameter) -> str:
    if isinstance(parameter, TyperOption):
        return parameter.rich_help_panel or _OTHER
    return _ARGUMENTS


def _refuse_other_values(words: Iterable[str], flags: Iterable[str]) -> None:
    """The parser would say that such a flag takes no value.

    Raises:
        UsageError: a word gives one a value that is none of its own.
    """
    for flag in flags:
        name = flag.partition("=")[0]
        for word in words:
            if word.startswith(f"{name}="):
                raise UsageError(f"{word}: there are only {name} and {flag}", id="option-value")


def _help_if_bare(command: Command | OptionGroup, context: Context, arguments: list[str]) -> None:
    """Typer's own way is an error whose message is the whole help."""
    if command.no_args_is_help and not arguments and not context.resilient_parsing:
        print(context.get_help(), file=sys.stderr)
        context.exit(UsageError.status)

"""A group of commands under one word, which also does something by itself: what follows is a command, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, override

from dlpuconv.cli.help import Command, OptionGroup
from dlpuconv.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typer._click.core import Context
    from typer._click.formatting import HelpFormatter
    from typer._click.shell_completion import CompletionItem
    from typer.core import TyperCommand, TyperGroup

ITSELF = "itself"
"""Under this name the group is given the command that runs where the first word is none of the others."""


class Leading(Command):
    """What the group's word does by itself; its help tells the other commands too.

    Attributes:
        others: the group's commands, by name.
    """

    others: Mapping[str, TyperCommand] = {}

    @override
    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Its own options, then the commands."""
        super().format_options(ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl([(name, other.get_short_help_str(80)) for name, other in self.others.items()])


class LeadingGroup(OptionGroup):
    """The group.

    Attributes:
        itself: what its word does by itself.
    """

    itself: Leading

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        itself: Any = self.commands.pop(ITSELF)
        itself.others = self.commands
        self.itself = itself

    @override
    def make_context(self, info_name: str | None, args: list[str], parent: Context | None = None, **extra: Any) -> Any:
        """The context of the group where a command is named, else that of what it does by itself."""
        if args and args[0] not in self.commands:
            if not extra.get("resilient_parsing"):  # which completes what is not yet whole
                self._demand_sense(args[0])
            return self.itself.make_context(info_name, args, parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def _demand_sense(self, word: str) -> None:
        """Tell a mistyped command before what follows it is taken for too many files."""
        meant = "" if word.startswith("-") or Path(word).exists() else did_you_mean(word, self.commands)
        if meant:
            raise UsageError(
                f"there is no file of jobs {word!r}, and no command of that name{meant}", id="batch-jobs-missing"
            )

    @override
    def get_help(self, ctx: Context) -> str:
        """The help of the command that runs without a subcommand; it covers everything."""
        return self.itself.get_help(ctx)

    @override
    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
        """Commands, or the options of what it does by itself; the shell completes files."""
        if incomplete.startswith("-"):
            return self.itself.shell_complete(ctx, incomplete)
        return super().shell_complete(ctx, incomplete)


def all_commands(group: TyperGroup) -> dict[str, TyperCommand]:
    """Every command of an application by all its words, such as `batch diff`, in the order that help lists them."""
    found: dict[str, TyperCommand] = {}
    for name, command in group.commands.items():
        leading: Any = command
        if isinstance(leading, LeadingGroup):
            found |= {name: leading.itself, **{f"{name} {word}": each for word, each in all_commands(leading).items()}}
        else:
            found[name] = leading
    return found

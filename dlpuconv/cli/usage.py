"""What is wrong with a command line, in one sentence that says what is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import did_you_mean
from dlpuconv.registry import target_names

if TYPE_CHECKING:
    import typer
    from typer.core import TyperCommand


_TARGET = "--target"
_IDS = {"NoSuchOption": "option-unknown", "BadParameter": "option-value", "MissingParameter": "argument-missing"}
"""The ids of errors, by the class of the parser's error."""


def usage_sentence(error: typer.TyperException) -> str:
    """The sentence for an error of the command line's parser."""
    context = getattr(error, "ctx", None)
    command = f"`{context.command_path} --help`" if context is not None else "`dlpuconv --help`"
    if (wrong := getattr(error, "option_name", "")) and (possible := _options(context)) and wrong not in possible:
        hint = _elsewhere(wrong, context) or did_you_mean(wrong, possible)
        return f"there is no option {wrong}{hint}; {command} lists all"
    message = error.format_message()
    if not message:
        return f"give a command; {command} lists them"
    if _TARGET in (wrong, *getattr(getattr(error, "param", None), "opts", ())):
        return f"{message.rstrip('.')}; the targets are {', '.join(target_names())}"
    return message


def usage_id(error: typer.TyperException) -> str:
    """The id of an error of the command line's parser."""
    if error.format_message().startswith("No such command"):
        return "command-unknown"
    return _IDS.get(type(error).__name__, "command-line-wrong")


def _elsewhere(wrong: str, context: typer.Context | None) -> str:
    """` in this command, but in dlpuconv verify` for an option that other commands have, or an empty string."""
    if context is None:
        return ""
    program = context.find_root()
    commands: dict[str, TyperCommand] = getattr(program.command, "commands", {})
    having = [
        f"`{program.info_name} {name}`"
        for name, command in commands.items()
        if any(wrong in parameter.opts for parameter in command.params)
    ]
    return f" in this command, but in {', '.join(having)}" if having else ""


def _options(context: typer.Context | None) -> list[str]:
    """The long names of a command's options."""
    if context is None:
        return []
    return [name for parameter in context.command.params for name in parameter.opts if name.startswith("--")]

"""The command line: every command, and of each option its names, its type and its default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def commands() -> str:
    """All of them, in the order of the names."""
    import typer

    from dlpuconv.cli.app import app
    from dlpuconv.cli.batch.group import all_commands

    group: Any = typer.main.get_command(app)
    lines = ["# the command line", ""]
    lines += ["dlpuconv", *_parameters(group)]
    for name, command in sorted(all_commands(group).items()):
        lines += [f"dlpuconv {name}", *_parameters(command)]
    return "\n".join(lines) + "\n"


def _parameters(command: Any) -> Iterator[str]:
    """Arguments in their order, then options by name."""
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option"]
    for each in (*arguments, *sorted(options, key=lambda option: option.opts[0])):
        names = "/".join((*each.opts, *each.secondary_opts)) if each in options else each.name.upper()
        yield f"    {names}: {_kind(each)}"


def _kind(parameter: Any) -> str:
    words = [
        "flag" if getattr(parameter, "is_flag", False) else parameter.metavar or parameter.type.name,
        *(["required"] if parameter.required else []),
        *(["repeated"] if parameter.multiple or parameter.nargs != 1 else []),
    ]
    default = parameter.default
    return ", ".join(words) + ("" if default is None or default is False else f" = {default}")

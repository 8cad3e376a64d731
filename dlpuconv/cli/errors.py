"""`dlpuconv errors`: what an id in a message means, and what to do."""

from __future__ import annotations

from typing import Annotated

import typer

from dlpuconv import errors as kinds
from dlpuconv.cli import options as opt


def complete_id(incomplete: str) -> list[str]:
    """Ids that begin with what was typed."""
    from dlpuconv.error_catalog import entries

    return [entry.id for entry in entries() if entry.id.startswith(incomplete)]


def errors(
    id: Annotated[  # noqa: A002 - as help and the messages call it
        str,
        typer.Argument(
            help="The id in brackets at the end of a message, such as library-missing; all are listed without one.",
            show_default=False,
            autocompletion=complete_id,
        ),
    ] = "",
    json: opt.Json = False,
    quiet: Annotated[bool, opt.flag("--quiet", "-q", help="Print ids and titles only.")] = False,
) -> None:
    """Explain an error by its id: the cause and what to do.

    Every message of an error ends in its id, as in `error: ... [library-missing]`, and --json prints it as `id`. It
    stays the same where a message is improved, so scripts may depend on it.

    Example: dlpuconv errors library-missing
    """
    from dlpuconv.cli.console import print_json, show
    from dlpuconv.error_catalog import entries, entry

    found = [entry(id.strip("[]"))] if id else entries()
    if json:
        print_json(found[0].to_json() if id else {"errors": [each.to_json() for each in found]})
    elif id and not quiet:
        (told,) = found
        show(
            f"{told.id}: {told.title}",
            "",
            told.cause,
            "",
            f"What to do: {told.remedy}",
            "",
            _raised(told.kind, told.status),
        )
    else:
        width = max(len(each.id) for each in found)
        print(*(f"{each.id:{width}}  {each.title}" for each in found), sep="\n")


def _raised(kind: str, status: int) -> str:
    """Under what name programs meet the error: an internal error is no class of dlpuconv's, but whatever was raised."""
    name = f"In Python: {kind}" if hasattr(kinds, kind) else f"With --json: {kind}"
    return f"{name}. Exit status: {status}."

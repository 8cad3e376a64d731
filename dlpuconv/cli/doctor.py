"""`dlpuconv doctor`: what is installed, whether it works, and how to get what is missing."""

from __future__ import annotations

import typer

from dlpuconv.cli import options as opt
from dlpuconv.errors import MissingDependencyError
from dlpuconv.language.printable import printable


def doctor(target: opt.ExaminedTargets = None, json: opt.Json = False, quiet: opt.Quiet = False) -> None:
    """Tell what is installed, and how to get what is missing.

    For each target, a network of one layer is converted, and the file is run and verified, by the same worker processes
    as your own models. No file is kept. The exit status is 12 if a target that --target names is not ready, else 0.

    Example: dlpuconv doctor --target artpec8
    """
    from dlpuconv.cli.console import CommandProgress, print_json, show
    from dlpuconv.cli.parsing import names
    from dlpuconv.doctor.examination_text import render_examination
    from dlpuconv.doctor.examine import examine

    asked = names(",".join(target or ()))
    found = examine(asked, CommandProgress(quiet=quiet or json))
    if json:
        print_json(found.to_json())
    elif not quiet:
        show(*render_examination(printable(found)))
    else:
        print(*(f"{health.name}  {health.problem or 'ready'}" for health in printable(found).targets), sep="\n")
    if asked and not found.ready:
        raise typer.Exit(MissingDependencyError.status)

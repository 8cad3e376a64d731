"""`dlpuconv new-target` and `new-backend`: a package to begin a plugin with, and tests that pass at once."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlpuconv.cli import options as opt
from dlpuconv.cli.help import MODEL

if TYPE_CHECKING:
    from collections.abc import Sequence

Name = Annotated[
    str,
    typer.Argument(help="Name of the plugin: lower-case letters, digits and '-', such as mychip.", show_default=False),
]
Folder = Annotated[
    Path,
    opt.option(
        "--output", "-o", help="Where the package's folder is made.", panel=opt.RESULT, default="here", metavar="FOLDER"
    ),
]
Base = Annotated[
    str,
    opt.option(
        "--base",
        help="The target that the new one differs from.",
        panel=MODEL,
        default="artpec8",
        metavar="CHIP",
        autocompletion=opt.complete_target,
    ),
]


def new_target(name: Name, base: Base = "artpec8", output: Folder = Path()) -> None:
    """Write a package for a chip of your own.

    The new target states what differs from a known one. The package can be installed as it is. Its tests check what
    every target must keep to, and pass.

    Example: dlpuconv new-target mychip --base artpec8
    """
    from dlpuconv import templates

    _tell(templates.new_target(name, base, output))


def new_backend(name: Name, output: Folder = Path()) -> None:
    """Write a package for a file format of your own.

    It also has a target that takes the format. The package can be installed as it is. Its tests check what every
    backend and target must keep to, and pass.

    Example: dlpuconv new-backend mycompiler
    """
    from dlpuconv import templates

    _tell(templates.new_backend(name, output))


def _tell(made: Sequence[Path]) -> None:
    folder, *files = made
    print(f"{folder}/", *(f"  {path.relative_to(folder)}" for path in files), sep="\n")
    quoted = shlex.quote(str(folder))
    print(f"\nnext: pip install -e {quoted} && pytest {quoted}")

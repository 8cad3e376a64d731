"""The typer application: its commands, in the order that help lists them."""

from __future__ import annotations

from typing import Annotated

import typer

from dlpuconv import __version__
from dlpuconv.cli.analyze import analyze
from dlpuconv.cli.check import check
from dlpuconv.cli.compare import compare
from dlpuconv.cli.convert import convert
from dlpuconv.cli.inspect import inspect
from dlpuconv.cli.targets import targets
from dlpuconv.cli.verify import verify

app = typer.Typer(
    # Plain help: rich's takes a third of a second to import, twice what the rest of `--help` takes.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"dlpuconv {__version__}")
        raise typer.Exit


@app.callback(
    epilog="Exit status: 0 ok, 1 verification failed, 2 usage, 3 model, 4 shape, 5 unsupported model, 6 calibration,"
    " 7 backend, 8 plugin, 9 output, 11 artifact, 12 missing library, 130 interrupted."
)
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Convert ONNX models for the deep-learning processing units of Axis cameras, and prove the result."""


app.command(no_args_is_help=True)(convert)
app.command(no_args_is_help=True)(check)
app.command(no_args_is_help=True)(analyze)
app.command(no_args_is_help=True)(verify)
app.command(no_args_is_help=True)(inspect)
app.command(no_args_is_help=True)(compare)
app.command()(targets)

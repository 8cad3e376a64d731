"""The typer application: its commands, in the order that help lists them."""

from __future__ import annotations

from typing import Annotated

import typer

from dlpuconv import __version__
from dlpuconv.cli.analyze import analyze
from dlpuconv.cli.batch import batch
from dlpuconv.cli.check import check
from dlpuconv.cli.compare import compare
from dlpuconv.cli.convert import convert
from dlpuconv.cli.doctor import doctor
from dlpuconv.cli.errors import errors
from dlpuconv.cli.help import Command, OptionGroup
from dlpuconv.cli.inspect import inspect
from dlpuconv.cli.new_plugin import new_backend, new_target
from dlpuconv.cli.targets import targets
from dlpuconv.cli.verify import verify

app = typer.Typer(
    cls=OptionGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"dlpuconv {__version__}")
        raise typer.Exit


@app.callback(
    epilog="Exit status: 0 ok, 1 verification failed, 2 usage, 3 model, 4 shape, 5 unsupported model, 6 calibration, 7"
    " backend, 8 plugin, 9 output, 10 internal error, 11 artifact, 12 missing library, 13 metric, 14 store of a batch,"
    " 15 worse than --fail-on allows; stopped by a signal, with nothing half-written: 129 hang-up, 130 Ctrl-C, 131"
    " quit, 143 terminated. If the output is piped to a command that ends early, as in `dlpuconv ... | head`, the work"
    " is still finished, and the status tells the result. If the output cannot be printed, such as on a full disk, the"
    " files are written and the status is 9."
)
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Convert trained networks for the deep-learning processing units (DLPU) of Axis cameras, and verify the result."""


app.command(cls=Command, no_args_is_help=True)(convert)
app.command(cls=Command, no_args_is_help=True)(check)
app.command(cls=Command, no_args_is_help=True)(analyze)
app.command(cls=Command, no_args_is_help=True)(verify)
app.command(cls=Command, no_args_is_help=True)(inspect)
app.command(cls=Command, no_args_is_help=True)(compare)
app.add_typer(batch, name="batch", help="Convert many models for many chips, each combination once.")
app.command(cls=Command)(targets)
app.command(cls=Command)(doctor)
app.command(cls=Command)(errors)
app.command("new-target", cls=Command, no_args_is_help=True)(new_target)
app.command("new-backend", cls=Command, no_args_is_help=True)(new_backend)

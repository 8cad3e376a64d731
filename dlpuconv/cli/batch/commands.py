"""The commands under `dlpuconv batch`, in the order that help lists them."""

from __future__ import annotations

import typer

from dlpuconv.cli.batch.diff import diff
from dlpuconv.cli.batch.group import ITSELF, Leading, LeadingGroup
from dlpuconv.cli.batch.run import run
from dlpuconv.cli.batch.show import show
from dlpuconv.cli.batch.status import status
from dlpuconv.cli.help import Command

batch = typer.Typer(cls=LeadingGroup, no_args_is_help=True, rich_markup_mode=None)
batch.command(ITSELF, cls=Leading)(run)
batch.command(cls=Command, no_args_is_help=True)(status)
batch.command(cls=Command, no_args_is_help=True)(show)
batch.command(cls=Command, no_args_is_help=True)(diff)

"""`dlpuconv batch show`: one record whole."""

from __future__ import annotations

from typing import Annotated

import typer

from dlpuconv.cli import options as opt


def show(
    name: Annotated[str, typer.Argument(help="Name of the job, or the beginning of its key.", show_default=False)],
    store: opt.RecordStore,
    save: opt.SaveFiles = None,
    force: opt.Force = False,
    json: opt.Json = False,
) -> None:
    """Show everything about one job.

    It shows the job's options, its verdict or error, its figures and files, and the versions of all tools.

    Example: dlpuconv batch show mobilenet.artpec8 --store results --save out
    """
    from dlpuconv.batches.results.folder import save_files
    from dlpuconv.batches.results.record_text import record_text
    from dlpuconv.batches.results.saved import record_json
    from dlpuconv.batches.results.sources import named, records_of, store_of
    from dlpuconv.cli.console import print_json
    from dlpuconv.cli.console import show as draw
    from dlpuconv.errors import UsageError

    found = store_of(store)
    record = named(records_of(store), name)
    if save is not None:
        if not record.files:
            raise UsageError(
                f"{record.name} has no files to save, since it was not converted: {record.error}",
                id="batch-job-without-files",
            )
        save_files(record, found, save, force=force)
    if json:
        print_json(record_json(record))
    else:
        draw(*record_text(record))

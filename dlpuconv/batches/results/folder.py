"""A folder with everything of a batch: the page, the results in every form, and each job's files with its report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dlpuconv.batches.job_check import is_folder_name
from dlpuconv.batches.results.csv_file import to_csv
from dlpuconv.batches.results.junit import to_junit
from dlpuconv.batches.results.parquet_file import to_parquet
from dlpuconv.batches.results.saved import RESULTS, read_results, results_json
from dlpuconv.batches.results.summary import make_summary
from dlpuconv.delivery import Inputs, check_destination, deliver, write_all
from dlpuconv.errors import OutputError, StoreError, UsageError
from dlpuconv.files.regular import open_regular
from dlpuconv.reporting.batch import render_batch
from dlpuconv.reporting.files import GENERATOR

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dlpuconv.batches.record import JobRecord
    from dlpuconv.batches.store.store import Store
    from dlpuconv.delivery import Force

PAGE = "index.html"
FILES = "files"
_HEAD = 2048  # bytes in which every page names its generator


def check_results_folder(folder: Path) -> None:
    """Refuse early what is neither new, nor empty, nor written by an earlier batch.

    Raises:
        OutputError: it is another folder, or none at all.
    """
    check_destination(folder, (), force="all")
    try:
        if not folder.exists() or not any(folder.iterdir()) or _is_ours(folder):
            return
    except OSError as error:
        raise OutputError(
            f"cannot write results to {str(folder)!r}: {error.strerror or error}", id="output-not-writable"
        ) from error
    raise OutputError(
        f"{str(folder)!r} holds files that are not results of a batch: give a new folder to --output",
        id="output-folder-foreign",
    )


def write_results(
    folder: Path, records: Sequence[JobRecord], store: Store, title: str, *, parquet: bool = False
) -> Path:
    """Write everything; what an earlier batch has written is replaced.

    Args:
        folder: made if it is missing.
        records: of the batch.
        store: where their files are.
        title: of the page.
        parquet: write that form too.

    Returns:
        The page.

    Raises:
        OutputError: the folder cannot be written.
        StoreError: a file of a record is not in the store any more.
        MissingDependencyError: a library is missing for Parquet.
    """
    check_results_folder(folder)
    places = {record.name: f"{FILES}/{_folder_name(record)}" for record in records}
    reports = {record.name: f"{places[record.name]}/{name}" for record in records for name in _reports(record)}
    page = render_batch(make_summary(records, title, reports)).encode()
    tables = {
        RESULTS: f"{json.dumps(results_json(records), indent=1)}\n".encode(),
        "results.csv": to_csv(records),
        "junit.xml": to_junit(records),
        **({"results.parquet": to_parquet(records)} if parquet else {}),
    }
    write_all(folder, tables, force=True)
    for record in records:
        if record.files:
            save_files(record, store, folder / places[record.name], force="all")
    write_all(folder, {PAGE: page}, force=True)  # last: what it leads to is there
    return folder / PAGE


def save_files(record: JobRecord, store: Store, folder: Path, *, force: Force = False) -> None:
    """Write what a job made, as `convert` would have.

    Args:
        record: of the job.
        store: where its files are.
        folder: made if it is missing.
        force: what may be replaced.

    Raises:
        OutputError: a file exists that may not be replaced, or the folder cannot be written.
        StoreError: a file is not in the store any more.
    """
    files = {name: store.artifact(stored.sha256) for name, stored in record.files.items()}
    deliver(folder, files, force=force, inputs=Inputs())


def _reports(record: JobRecord) -> list[str]:
    """The job's own report, where it made one."""
    return [name for name in record.files if name.endswith(".html") and "/" not in name][:1]


def _folder_name(record: JobRecord) -> str:
    """A job's name, which is a file name's stem: nothing else makes a folder."""
    name = record.name
    if not is_folder_name(name):
        raise StoreError(
            f"a record in the store has the name {name!r}, which no job can have: the store is damaged",
            id="store-damaged",
        )
    return name


def _is_ours(folder: Path) -> bool:
    """By its page; by its results where a batch was stopped before it wrote one."""
    page = folder / PAGE
    if page.exists():
        with open_regular(page) as stream:
            return GENERATOR.encode() in stream.read(_HEAD)
    try:
        return bool(read_results(folder / RESULTS))
    except UsageError:
        return False

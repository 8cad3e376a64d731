"""`dlpuconv batch jobs.toml`: every combination of models, targets and options becomes verified files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dlpuconv.cli import options as opt

if TYPE_CHECKING:
    from dlpuconv.batches.batch import Batch
    from dlpuconv.batches.matrix import BatchPlan
    from dlpuconv.cli.console import CommandProgress


def run(
    jobs: opt.Jobs,
    store: opt.StorePlace = "",
    executor: opt.Executor = None,
    workers: opt.Workers = None,
    shard: opt.ShardOption = "",
    memory_limit: opt.MemoryLimit = None,
    time_limit: opt.TimeLimit = None,
    report: opt.BatchReport = False,
    output: opt.BatchOutput = None,
    parquet: opt.Parquet = False,
    dry_run: opt.DryRun = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Convert many models for many chips, each combination once, and each in its own process.

    A .toml file lists models, targets and options. The results are kept in the store, a folder or a URL, so that a
    second run converts only what has changed; several machines may share one store.

    Example: dlpuconv batch jobs.toml --store results --output out
    """
    from dlpuconv.batches.results.folder import check_results_folder, write_results
    from dlpuconv.batches.results.merit import standing
    from dlpuconv.batches.results.parquet_file import demand_parquet
    from dlpuconv.cli.batch.plan import read_jobs, with_reports
    from dlpuconv.cli.console import CommandProgress
    from dlpuconv.cli.streams import streams
    from dlpuconv.errors import UsageError

    plan = read_jobs(jobs, store, executor, memory_limit, time_limit, stored=not dry_run)
    plan = with_reports(plan, wanted=report)
    if dry_run:
        _list(plan, as_json=json)
        return
    if parquet and output is None:
        raise UsageError(
            "--parquet writes its file into the folder of --output: give --output FOLDER as well",
            id="option-needs-another",
        )
    if output is not None:
        check_results_folder(output)
        if parquet:
            demand_parquet()
    done = _run(plan, workers, shard, CommandProgress(quiet=quiet or json))
    page = write_results(output, done.records, done.store, jobs.name, parquet=parquet) if output is not None else None
    _print(done, page, as_json=json)
    streams.check("the records are in the store")
    if not all(standing(record).good for record in done.records):
        raise typer.Exit(1)


def _run(plan: BatchPlan, workers: int | None, shard: str, progress: CommandProgress) -> Batch:
    from dlpuconv.batches.store import open_store
    from dlpuconv.batches.whole import run_batch

    return run_batch(plan, open_store(plan.store), workers=workers, shard=shard, progress=progress)


def _list(plan: BatchPlan, *, as_json: bool) -> None:
    from dlpuconv.batches.results.record_text import jobs_text
    from dlpuconv.cli.console import print_json, show
    from dlpuconv.files.urls import shown_whole
    from dlpuconv.jsonable import plain
    from dlpuconv.language.every_text import with_texts

    jobs = with_texts(plan.jobs, shown_whole)
    if as_json:
        print_json({"jobs": [plain(job) for job in jobs]})
    else:
        show(*jobs_text(jobs))


def _print(done: Batch, page: Path | None, *, as_json: bool) -> None:
    from dlpuconv.batches.results.saved import results_json
    from dlpuconv.batches.results.table import records_text
    from dlpuconv.cli.console import print_json, show

    if as_json:
        print_json(results_json(done.records))
        return
    show(*records_text(done.records))
    if page is not None:
        show(f"page of all jobs: {page}")

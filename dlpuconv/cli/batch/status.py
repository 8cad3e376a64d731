"""`dlpuconv batch status`: how far a batch is."""

from __future__ import annotations

from dlpuconv.cli import options as opt


def status(
    jobs: opt.Jobs,
    store: opt.StorePlace = "",
    shard: opt.ShardOption = "",
    memory_limit: opt.MemoryLimit = None,
    time_limit: opt.TimeLimit = None,
    report: opt.BatchReport = False,
    json: opt.Json = False,
) -> None:
    """Tell which jobs are done, which failed, and which are left.

    For failed jobs it tells why. Results of all machines that share the store count. If the batch runs with --report,
    --memory-limit or --time-limit, give the same options here, since they are part of a job.

    Example: dlpuconv batch status jobs.toml --store results
    """
    from dlpuconv.batches.results.progress import progress_of
    from dlpuconv.batches.results.record_text import progress_text
    from dlpuconv.batches.shard import WHOLE, Shard
    from dlpuconv.batches.store import open_store
    from dlpuconv.cli.batch.plan import read_jobs, with_reports
    from dlpuconv.cli.console import print_json, show

    plan = with_reports(read_jobs(jobs, store, None, memory_limit, time_limit, stored=True), wanted=report)
    found = progress_of(plan, open_store(plan.store), Shard.parse(shard) if shard else WHOLE)
    if json:
        print_json(found.to_json())
    else:
        show(*progress_text(found))

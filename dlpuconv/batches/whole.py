"""A batch from whatever a user calls its jobs to its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpuconv.batches.batch import Batch
from dlpuconv.batches.engines import open_engine
from dlpuconv.batches.job import BatchJob
from dlpuconv.batches.job_check import check_job
from dlpuconv.batches.matrix import BatchPlan, read_plan
from dlpuconv.batches.scheduler import run
from dlpuconv.batches.shard import WHOLE, Shard
from dlpuconv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Executor

    from dlpuconv.batches.job import Allowance
    from dlpuconv.batches.store.store import Store
    from dlpuconv.display.progress import Progress

    type Jobs = str | Path | Mapping[str, Any] | Iterable[BatchJob]


def plan_of(jobs: Jobs, store: str | Path, executor: str | Executor | None) -> BatchPlan:
    """The jobs, with a store and an engine that count more than what the file says.

    Raises:
        UsageError: the jobs cannot be read, or there is no store.
    """
    if isinstance(jobs, str | Path):
        plan = read_plan(Path(jobs))
    elif isinstance(jobs, Mapping):
        plan = read_plan(jobs)
    else:
        plan = BatchPlan(jobs=_checked(jobs))
    word = executor if isinstance(executor, str) else plan.executor
    plan = replace(plan, store=str(store or plan.store), executor=word)
    if not plan.store:
        raise UsageError(
            'no store is given: name a folder or a URL, or add store = "..." under [batch]', id="batch-no-store"
        )
    return plan


def run_batch(
    plan: BatchPlan,
    store: Store,
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    shard: str = "",
    progress: Progress,
) -> Batch:
    """Run a plan to its end.

    Raises:
        DlpuconvError: the engine or the store cannot be used. What becomes of a job is in its record.
    """
    part = Shard.parse(shard) if shard else WHOLE
    with open_engine(executor or plan.executor, workers) as engine:
        records = {r.name: r for r in run(plan.jobs, store, engine, shard=part, limits=plan.limits, progress=progress)}
    return Batch(tuple(records[job.name] for job in plan.jobs if job.name in records), store)


def limited(plan: BatchPlan, memory_gib: float | None, minutes: float | None) -> BatchPlan:
    """The plan with other limits for each job, where they are given.

    Raises:
        UsageError: one is not above zero.
    """
    limits: Allowance = plan.limits
    for name, value in (("memory_gib", memory_gib), ("minutes", minutes)):
        if value is not None and not 0 < value < 2**20:
            raise UsageError(f"{name} is {value}; it must be above 0 and below {2**20}", id="option-value")
    if memory_gib is not None:
        limits = replace(limits, memory=int(memory_gib * 2**30))
    if minutes is not None:
        limits = replace(limits, seconds=minutes * 60)
    return replace(plan, limits=limits)


def _checked(jobs: Iterable[BatchJob]) -> tuple[BatchJob, ...]:
    found = tuple(jobs)
    for job in found:
        if not isinstance(job, BatchJob):
            raise UsageError(
                f"a batch takes BatchJob, the path of a file of jobs or a dict, not {type(job).__name__}",
                id="argument-type",
            )
        check_job(job)
    counted = Counter(job.name for job in found)
    if twice := next((name for name, count in counted.items() if count > 1), ""):
        raise UsageError(f"two jobs are called {twice!r}: give each a name of its own", id="batch-job-twice")
    return found

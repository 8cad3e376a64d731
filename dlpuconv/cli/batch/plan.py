"""The file of jobs with what the command line says in its place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.batches.matrix import BatchPlan


def read_jobs(
    jobs: Path, store: str, executor: str | None, gibibytes: float | None, minutes: float | None, *, stored: bool
) -> BatchPlan:
    """The plan.

    Args:
        jobs: the file.
        store: in the place of the file's; empty for that.
        executor: likewise; None for that.
        gibibytes: likewise, for each job.
        minutes: likewise.
        stored: whether a store is needed.

    Raises:
        UsageError: the file or an option cannot be used.
    """
    from dlpuconv.batches.matrix import read_plan
    from dlpuconv.batches.whole import limited

    if not jobs.exists():
        raise UsageError(f"there is no file of jobs {str(jobs)!r}", id="batch-jobs-missing")
    for option, value in (("--memory-limit", gibibytes), ("--time-limit", minutes)):
        if value is not None and not value > 0:
            raise UsageError(f"{option} {value:g} is not possible: give a number above 0", id="option-value")
    plan = limited(read_plan(jobs), gibibytes, minutes)
    plan = replace(plan, store=store or plan.store, executor=plan.executor if executor is None else executor)
    if stored and not plan.store:
        raise UsageError(
            f'no store is given: give --store FOLDER, or add store = "..." under [batch] in {jobs.name}',
            id="batch-no-store",
        )
    return plan


def with_reports(plan: BatchPlan, *, wanted: bool) -> BatchPlan:
    """The plan where each job makes a report of its own, if that is wanted."""
    if not wanted:
        return plan
    return replace(plan, jobs=tuple(replace(job, options={**job.options, "report": True}) for job in plan.jobs))

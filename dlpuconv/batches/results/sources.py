"""Where the records of a batch are, by what a user calls the batch: a store, a file of jobs, or results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.batches.results.merit import latest
from dlpuconv.batches.results.saved import RESULTS, SUFFIX, read_results
from dlpuconv.batches.scheduler import as_asked, by_key, recorded
from dlpuconv.batches.store import open_store
from dlpuconv.errors import UsageError, did_you_mean
from dlpuconv.files.urls import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpuconv.batches.matrix import BatchPlan
    from dlpuconv.batches.record import JobRecord
    from dlpuconv.batches.store.store import Store

_JOBS = ".toml"
_FEWEST = 6
"""Characters of a key that stand for the whole."""


def store_of(source: str) -> Store:
    """The store that a user named, by itself or by the file of jobs that names it.

    Raises:
        DlpuconvError: there is none.
    """
    if not source.endswith(_JOBS):
        if _results_in(source):
            raise UsageError(
                f"{source!r} holds results that --output wrote, and no store: give the store that they are of",
                id="batch-no-store",
            )
        return open_store(source)
    return open_store(_plan_of(source).store)


def records_of(source: str) -> tuple[JobRecord, ...]:
    """The records of a store, of the store that a file of jobs names, or of saved results or a folder with them.

    Jobs of such a file that are one under several names have a record each.

    Raises:
        DlpuconvError: there are none.
    """
    if source.endswith(SUFFIX) and "://" not in source:
        found = read_results(Path(source))
    elif results := _results_in(source):
        found = read_results(results)
    elif source.endswith(_JOBS):
        found = _of_jobs(_plan_of(source))
    else:
        found = tuple(store_of(source).records().values())
    if not found:
        raise UsageError(f"there are no results of jobs in {shown(source)!r}", id="batch-no-records")
    return found


def _plan_of(source: str) -> BatchPlan:
    from dlpuconv.batches.matrix import read_plan

    plan = read_plan(Path(source))
    if not plan.store:
        raise UsageError(
            f'{source!r} names no store: name the store itself instead, or add store = "..." under [batch]',
            id="batch-no-store",
        )
    return plan


def _of_jobs(plan: BatchPlan) -> tuple[JobRecord, ...]:
    """The records of the plan's jobs as they are now, under the names that they have now."""
    records = open_store(plan.store).records()
    wanted = by_key(plan.jobs) if records else {}
    kept = recorded(wanted, records, plan.limits)
    return tuple(as_asked(records[place], each.job) for key, place in kept.items() for each in wanted[key])


def _results_in(source: str) -> Path | None:
    """The saved results in a folder that --output wrote; None for anything else."""
    results = Path(source) / RESULTS
    return results if "://" not in source and results.is_file() else None


def named(records: Iterable[JobRecord], wanted: str) -> JobRecord:
    """The record of a job by its name or by the beginning of its key; the youngest of those of one name.

    Raises:
        UsageError: there is none, or there are several.
    """
    listed = tuple(records)
    by_name = [record for record in latest(listed).values() if record.name == wanted]
    alike = {r.key: r for r in listed if len(wanted) >= _FEWEST and r.key.startswith(wanted.lower())}
    found = by_name or [*alike.values()]
    if not found:
        raise UsageError(
            f"there is no job {wanted!r}{did_you_mean(wanted, {record.name for record in listed})}",
            id="batch-job-unknown",
        )
    if len(found) > 1:
        raise UsageError(
            f"{wanted!r} means {len(found)} jobs: give more characters of the key, which --json shows",
            id="batch-job-ambiguous",
        )
    return found[0]

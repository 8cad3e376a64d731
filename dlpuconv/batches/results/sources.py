"""Where the records of a batch are, by what a user calls the batch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.batches.results.merit import latest
from dlpuconv.batches.results.saved import SUFFIX, read_results
from dlpuconv.batches.store import open_store
from dlpuconv.errors import UsageError, did_you_mean
from dlpuconv.files.urls import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        return open_store(source)
    from dlpuconv.batches.matrix import read_plan

    plan = read_plan(Path(source))
    if not plan.store:
        raise UsageError(
            f'{source!r} names no store: name the store itself instead, or add store = "..." under [batch]',
            id="batch-no-store",
        )
    return open_store(plan.store)


def records_of(source: str) -> tuple[JobRecord, ...]:
    """The records of a store, of the store that a file of jobs names, or of saved results.

    Raises:
        DlpuconvError: there are none.
    """
    if source.endswith(SUFFIX) and "://" not in source:
        found = read_results(Path(source))
    else:
        found = tuple(store_of(source).records().values())
    if not found:
        raise UsageError(f"there are no results of jobs in {shown(source)!r}", id="batch-no-records")
    return found


def named(records: Iterable[JobRecord], wanted: str) -> JobRecord:
    """The record of a job by its name or by the beginning of its key; the youngest of those of one name.

    Raises:
        UsageError: there is none, or there are several.
    """
    listed = tuple(records)
    by_name = [record for record in latest(listed).values() if record.name == wanted]
    found = by_name or [r for r in listed if len(wanted) >= _FEWEST and r.key.startswith(wanted.lower())]
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

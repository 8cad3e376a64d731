"""Runs the jobs of a batch on an engine, each once, and gives their records as they come.

Of each job there is one submission for each attempt, and one put into the store for its record; what is there already
is found with one listing. Only so many jobs are in flight that no slot waits, whatever the number of jobs.
"""

from __future__ import annotations

import platform
import time
from collections import defaultdict
from dataclasses import replace
from itertools import batched, chain, islice
from typing import TYPE_CHECKING

from dlpuconv.batches.attempt import Assignment, Lost, blank
from dlpuconv.batches.flight import Flight
from dlpuconv.batches.identity import Identities, under
from dlpuconv.batches.inputs import carry
from dlpuconv.batches.limits import USUAL
from dlpuconv.batches.order import ordered
from dlpuconv.batches.passing import AGAIN
from dlpuconv.batches.record import Circumstances
from dlpuconv.batches.shard import WHOLE
from dlpuconv.display.progress import Silent
from dlpuconv.files import scratch
from dlpuconv.files.urls import shown, shown_whole
from dlpuconv.placement.forecast_text import plural

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from dlpuconv.batches.engines import Engine
    from dlpuconv.batches.identity import Identified
    from dlpuconv.batches.job import Allowance, BatchJob
    from dlpuconv.batches.record import JobRecord
    from dlpuconv.batches.shard import Shard
    from dlpuconv.batches.store.store import Store
    from dlpuconv.display.progress import Progress

    type Found = Iterator[tuple[str, JobRecord]]
    """Records by the key of their jobs."""

ATTEMPTS = 3
"""Of one job, where its process or its worker ends without an answer."""

_AHEAD = 2  # jobs in flight for each slot: the next one lies ready
_TOGETHER = 1024  # records that are read at a time
_INTERNAL = 10  # exit status


def run(
    jobs: Iterable[BatchJob],
    store: Store,
    engine: Engine,
    *,
    shard: Shard = WHOLE,
    limits: Allowance = USUAL,
    progress: Progress | None = None,
) -> Iterator[JobRecord]:
    """Run what has no record yet.

    Args:
        jobs: of the batch.
        store: where records are, and go to.
        engine: what runs them.
        shard: the part of the jobs to look at.
        limits: memory and seconds of each; threads are the engine's to decide.
        progress: where it tells how far it is; nowhere if None.

    Yields:
        A record for each job of the shard: first those that are in the store already, then the others as they come.
        Each has the name, model and axes of the job as it is asked now, whoever ran it.

    Raises:
        UsageError: a worker has other versions than this process.
        StoreError: the store cannot be read or written.
        BackendError: the engine failed, or is gone.
    """
    told = progress or Silent()
    scratch.sweep()
    with told.stage("looking for what has changed"):
        wanted = by_key(jobs, shard)
        there = store.keys()
    kept = recorded(wanted, there, limits)
    new = [same[0] for key, same in wanted.items() if key not in kept]
    if new:
        store.begin()
    total = sum(map(len, wanted.values()))
    done = 0
    try:
        with told.stage(f"{plural(total, 'job')}, {len(new)} to run", total) as step:
            for key, record in chain(_stored(kept, store), _run(new, store, engine, limits)):
                for each in wanted[key]:
                    step()
                    done += 1
                    yield as_asked(record, each.job)
    finally:
        if done < total:
            has = "has its record" if done == 1 else "have their records"
            told.message(f"{done} of {plural(total, 'job')} {has} in the store; the same batch goes on with the rest")


def by_key(jobs: Iterable[BatchJob], shard: Shard = WHOLE) -> dict[str, list[Identified]]:
    """The jobs of a shard by their key; those of one key are one, under several names."""
    identities = Identities()
    found: defaultdict[str, list[Identified]] = defaultdict(list)
    for job in jobs:
        each = identities.of(job)
        if shard.holds(each.key):
            found[each.key].append(each)
    return found


def recorded(keys: Iterable[str], there: Collection[str], limits: Allowance) -> dict[str, str]:
    """Where the record of each job is that has one, by the job's key; what ended well comes before what did not.

    Args:
        keys: of the jobs.
        there: keys of all records.
        limits: under which jobs that did not end are kept.
    """
    return {key: place for key in keys for place in (under(key, limits), key) if place in there}


def as_asked(record: JobRecord, job: BatchJob) -> JobRecord:
    """The record under the names that the job has now."""
    axes = {axis: shown_whole(value) for axis, value in job.axes.items()}
    return replace(record, name=job.name, model=shown(job.model), target=shown(job.target), axes=axes)


def _stored(kept: Mapping[str, str], store: Store) -> Found:
    """Records that are there."""
    for some in batched(kept.items(), _TOGETHER):
        found = store.records([place for _, place in some])
        yield from ((key, found[place]) for key, place in some)


def _run(new: Sequence[Identified], store: Store, engine: Engine, limits: Allowance) -> Found:
    """Records of jobs that are run now, as they come."""
    flight = Flight(engine)
    waiting = _assignments(new, store, engine, limits)
    try:
        for assignment in islice(waiting, engine.limit or _AHEAD * engine.slots):
            flight.submit(assignment)
        while flight.count:
            assignment, came = flight.next()
            if isinstance(came, Lost) and assignment.number < ATTEMPTS:
                flight.submit(replace(assignment, number=assignment.number + 1))
                continue
            yield assignment.identified.key, _crashed(assignment, came) if isinstance(came, Lost) else came
            for further in islice(waiting, 1):
                flight.submit(further)
    finally:
        flight.cancel()


def _assignments(new: Sequence[Identified], store: Store, engine: Engine, limits: Allowance) -> Iterator[Assignment]:
    allowance = replace(limits, threads=engine.threads)
    carried: dict[str, str] = {}
    for each in ordered(new, engine.slots):
        own = carry(each, store, carried) if engine.distant else {}
        yield Assignment(identified=each, store=store, allowance=allowance, carried=own)


def _crashed(assignment: Assignment, lost: Lost) -> JobRecord:
    """What is told of a job that ended no attempt with an answer, and kept if that is the job's own doing."""
    circumstances = Circumstances(host=platform.node(), started=time.time(), seconds=0.0, attempts=assignment.number)
    record = replace(
        blank(assignment.identified, circumstances),
        key=under(assignment.identified.key, assignment.allowance),
        error=f"the job's process ended without an answer in {assignment.number} attempts; the last {lost.why}",
        error_kind="CrashError",
        status=_INTERNAL,
    )
    return assignment.store.add(record, {}) if lost.by_the_job else replace(record, error=f"{record.error}{AGAIN}")

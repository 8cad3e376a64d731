"""What a batch takes for itself: processor time and memory of its scheduler and store, beside the number of jobs."""

from __future__ import annotations

import resource
import tempfile
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

from dlpuconv.batches.attempt import blank
from dlpuconv.batches.engines import Engine
from dlpuconv.batches.job import BatchJob
from dlpuconv.batches.record import Circumstances, JobRecord, Outcome, StoredArtifact
from dlpuconv.batches.scheduler import run
from dlpuconv.batches.store import open_store
from dlpuconv.files.content import sha256_of
from scripts.benchmarks.shared import console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.batches.attempt import Assignment

WORKERS = 50
COUNTS = (2500, 5000, 10000)
BAR_MS = 5.0
LINEAR = 1.3
"""How many times as long a job may take of the largest batch as of the smallest: what is quadratic takes four times."""
MOST_KB = 4.0
"""Of the parent's memory for each further job, which is what says what it is: nothing of what a job reads or makes."""

_SLEEP_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead:
    """Of one batch.

    Attributes:
        jobs: how many.
        cpu_ms: a job, of the scheduler and the store.
        again_ms: a job, where every one has its record already.
        resident_mb: of the process at its largest so far, 10^6 bytes.
    """

    jobs: int
    cpu_ms: float
    again_ms: float
    resident_mb: float


class Sleepers(Executor):
    """Workers that sleep where others convert, and store a record as others do."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WORKERS)

    @override
    def submit(self, fn: Any, /, *args: Any, **_: Any) -> Future[Any]:
        """Sleep in place of the attempt."""
        return self._pool.submit(_slept, args[0])


def run_overhead(counts: tuple[int, ...] = COUNTS) -> tuple[list[Overhead], list[str]]:
    """Measure, print, and say which bars were missed; the smallest batch comes first."""
    found = [_measured(count) for count in counts]
    for each in found:
        console.print(
            f"{each.jobs} jobs on {WORKERS} workers: {each.cpu_ms:.2f} ms a job, {each.again_ms:.2f} ms where it has"
            f" its record; {each.resident_mb:.0f} MB"
        )
    return found, missed_bars(found)


def missed_bars(found: Sequence[Overhead]) -> list[str]:
    """What is above a bar, in sentences.

    Args:
        found: batches of more and more jobs.
    """
    first, last = found[0], found[-1]
    missed = [f"{e.jobs} jobs: {e.cpu_ms:.2f} ms a job, of {BAR_MS}" for e in found if e.cpu_ms > BAR_MS]
    for what, few, many in (
        ("is run", first.cpu_ms, last.cpu_ms),
        ("has its record", first.again_ms, last.again_ms),
    ):
        if many > LINEAR * few:
            missed.append(f"a job that {what} takes {many:.2f} ms of {last.jobs}, and {few:.2f} ms of {first.jobs}")
    growth = 1000 * (last.resident_mb - first.resident_mb) / max(last.jobs - first.jobs, 1)
    if growth > MOST_KB:
        missed.append(f"the parent's memory grows by {growth:.1f} kB with each job, of {MOST_KB}")
    return missed


def _measured(count: int) -> Overhead:
    jobs = [BatchJob(name=f"job-{n}", model="none", target="any", options={"number": n}) for n in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        engine = Engine(name="sleepers", executor=Sleepers(), slots=WORKERS)
        times = []
        for _ in range(2):
            start = time.process_time()
            assert sum(1 for _ in run(jobs, store, engine)) == count
            times.append((time.process_time() - start) * 1000 / count)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return Overhead(jobs=count, cpu_ms=times[0], again_ms=times[1], resident_mb=memory)


def _slept(assignment: Assignment) -> JobRecord:
    time.sleep(_SLEEP_S)
    content = assignment.identified.key.encode()
    record = replace(
        blank(assignment.identified, Circumstances(host="here", started=0.0, seconds=_SLEEP_S)),
        outcome=Outcome.CONVERTED,
        verdict="pass",
        files={"made": StoredArtifact(sha256=sha256_of(content), size=len(content))},
    )
    return assignment.store.add(record, {"made": content})

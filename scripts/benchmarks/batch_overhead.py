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
    from dlpuconv.batches.attempt import Assignment

WORKERS = 50
BAR_MS = 5.0
LINEAR = 1.3
"""How much more a job may take of ten times as many; likewise the memory of the parent."""

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


def run_overhead(counts: tuple[int, ...] = (1000, 10000)) -> tuple[list[Overhead], list[str]]:
    """Measure, print, and say which bars were missed."""
    found = [_measured(count) for count in counts]
    for each in found:
        console.print(
            f"{each.jobs} jobs on {WORKERS} workers: {each.cpu_ms:.2f} ms a job, {each.again_ms:.2f} ms where it has"
            f" its record; {each.resident_mb:.0f} MB"
        )
    missed = [f"{e.jobs} jobs: {e.cpu_ms:.2f} ms a job, of {BAR_MS}" for e in found if e.cpu_ms > BAR_MS]
    if found[-1].cpu_ms > LINEAR * found[0].cpu_ms:
        missed.append(f"a job takes {found[-1].cpu_ms:.2f} ms of {found[-1].jobs}, {found[0].cpu_ms:.2f} of fewer")
    return found, missed


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

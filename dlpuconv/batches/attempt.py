"""What an engine's worker does with a job: one fresh process converts, and what became of it goes into the store."""

from __future__ import annotations

import os
import platform
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpuconv.batches import processes
from dlpuconv.batches.identity import under
from dlpuconv.batches.inputs import gathered
from dlpuconv.batches.record import Circumstances, JobRecord, Outcome, StoredArtifact
from dlpuconv.batches.versions import deciding_versions
from dlpuconv.batches.watch import MemoryWatch
from dlpuconv.errors import DlpuconvError
from dlpuconv.files.content import ContentStore, sha256_of, size_of
from dlpuconv.files.scratch import temporary_folder
from dlpuconv.files.urls import shown
from dlpuconv.isolation import CrashError, Launch, Limits, OvertimeError, TaskError, Worker, WorkerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpuconv.batches.identity import Identified
    from dlpuconv.batches.job import Allowance
    from dlpuconv.batches.store.store import Store
    from dlpuconv.files.content import Content

_THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
)  # fmt: skip
_CHUNK = 1 << 20
_NO_LIMIT = 1 << 46  # bytes of address space: what counts is memory, which is watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A job for a worker, wherever that is; all of it can be pickled.

    Attributes:
        identified: the job and its key.
        store: for what comes of it.
        allowance: what it may take.
        number: of the attempt, from 1.
        carried: inputs that are in the store, by how the job names them; see `inputs`.
    """

    identified: Identified
    store: Store
    allowance: Allowance
    number: int = 1
    carried: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lost:
    """A job whose process ended without an answer; it may be tried again.

    Attributes:
        why: a clause.
    """

    why: str


@dataclass(frozen=True, slots=True)
class Unequal:
    """A worker that would make something else under the job's key.

    Attributes:
        why: a sentence.
    """

    why: str


def attempt(assignment: Assignment) -> JobRecord | Lost | Unequal:
    """Convert, and store what came of it; nothing is stored for a process that was lost.

    Raises:
        StoreError: the store cannot be written.
    """
    if problem := _other_versions(assignment):
        return Unequal(problem)
    started, begun = time.time(), time.monotonic()
    with temporary_folder("job") as folder:
        ended = _ended(assignment, folder)
        if isinstance(ended, Lost):
            return ended
        facts, files, peak = ended
        circumstances = Circumstances(
            host=platform.node(),
            started=started,
            seconds=time.monotonic() - begun,
            attempts=assignment.number,
            peak_memory=peak,
        )
        told = {name: StoredArtifact(sha256=sha256_of(c), size=size_of(c)) for name, c in files.items()}
        record = replace(blank(assignment.identified, circumstances), files=told, **facts)
        if record.outcome not in (Outcome.CONVERTED, Outcome.REFUSED):
            record = replace(record, key=under(record.key, assignment.allowance))
        return assignment.store.add(record, files)


def blank(identified: Identified, circumstances: Circumstances) -> JobRecord:
    """A record that says nothing yet of how the job ended."""
    job = identified.job
    return JobRecord(
        key=identified.key,
        name=job.name,
        model=shown(job.model),
        target=shown(job.target),
        axes=job.axes,
        options=job.options,
        outcome=Outcome.CRASHED,
        versions=identified.versions,
        circumstances=circumstances,
    )


type _Ended = tuple[dict[str, Any], Mapping[str, Content], int]
"""What the record says, files, and the most memory that was seen."""


def _ended(assignment: Assignment, folder: Path) -> _Ended | Lost:
    job, allowance = assignment.identified.job, assignment.allowance
    limits = Limits(memory=_NO_LIMIT, seconds=allowance.seconds, by_the_clock=True)
    made = folder / "made"
    made.mkdir()
    watch = None
    try:
        given = gathered(job, assignment.store, assignment.carried, folder / "given")
        with _process(folder, allowance) as worker, MemoryWatch(worker, allowance.memory) as watch:
            answer = worker.ask("convert", limits, **given, folder=str(made), store=assignment.store.url).facts
    except DlpuconvError as error:  # an input that cannot be had
        return _refusal(error.to_json()), {}, 0
    except OvertimeError:
        text = f"the job took longer than the {allowance.seconds:g} s that it may"
        return (
            {"outcome": Outcome.TIMED_OUT, "error": text, "error_kind": "OvertimeError", "status": 10},
            {},
            _peak(watch),
        )
    except CrashError as error:
        if watch is not None and watch.exceeded:
            return _too_large(allowance), {}, watch.peak
        return Lost(f"{error}{f': {error.log}' if error.log else ''}")
    except TaskError as error:
        text = f"an internal error, which is ours to mend: {error}"
        return (
            {"outcome": Outcome.CRASHED, "error": text, "error_kind": "InternalError", "status": 10},
            {},
            _peak(watch),
        )
    except (WorkerError, OSError) as error:
        return Lost(str(error))
    if "refused" in answer:
        return _refusal(answer["refused"]), {}, watch.peak
    facts = {**answer["made"], "outcome": Outcome.CONVERTED, "reasons": tuple(answer["made"]["reasons"])}
    return facts, _contents(made, answer["files"]), watch.peak


def _peak(watch: MemoryWatch | None) -> int:
    return watch.peak if watch is not None else 0


def _refusal(error: Mapping[str, Any]) -> dict[str, Any]:
    told = {"error": str(error["message"]), "error_kind": str(error["type"]), "status": int(error["status"])}
    return {"outcome": Outcome.REFUSED, **told}


def _too_large(allowance: Allowance) -> dict[str, Any]:
    text = f"the job took more than the {allowance.memory / 2**30:.3g} GiB of memory that it may"
    return {"outcome": Outcome.OUT_OF_MEMORY, "error": text, "error_kind": "ExcessError", "status": 10}


@contextmanager
def _process(folder: Path, allowance: Allowance) -> Iterator[Worker]:
    """A fresh process, whose temporary files go with the job."""
    scratch = folder / "tmp"
    scratch.mkdir()
    threads = dict.fromkeys(_THREADS, str(allowance.threads))
    worker = Worker(
        Launch(
            title="the conversion",
            tasks=Path(__file__).with_name("conversion_worker.py"),
            environment=tuple({**threads, "TMPDIR": str(scratch)}.items()),
        )
    )
    with processes.current().counted(worker):
        try:
            yield worker
        finally:
            worker.end()


def _contents(folder: Path, names: list[str]) -> dict[str, Content]:
    """What was made, on disk, so that however large it is it takes no memory here."""
    kept = ContentStore()
    found: dict[str, Content] = {}
    for name in names:
        with (folder / name).open("rb") as stream:
            found[name] = kept.collect(iter(partial(stream.read, _CHUNK), b""))
    return found


def _other_versions(assignment: Assignment) -> str:
    job, wanted = assignment.identified.job, assignment.identified.versions
    here = deciding_versions(job.target, str(job.options.get("backend", "")))
    other = [name for name in sorted({*here, *wanted}) if here.get(name) != wanted.get(name)]
    if not other:
        return ""
    told = ", ".join(
        f"{name} {here.get(name, '(missing)')} instead of {wanted.get(name, '(missing)')}" for name in other
    )
    return f"a worker on {platform.node()} (process {os.getpid()}) has {told}: give all the same versions"

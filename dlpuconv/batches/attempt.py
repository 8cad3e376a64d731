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
from dlpuconv.batches.identity import code_content, code_of, content_of, under
from dlpuconv.batches.inputs import gathered
from dlpuconv.batches.passing import AGAIN
from dlpuconv.batches.places import places_of
from dlpuconv.batches.record import Circumstances, JobRecord, Outcome, StoredArtifact
from dlpuconv.batches.versions import deciding_versions
from dlpuconv.batches.watch import MemoryWatch
from dlpuconv.errors import DlpuconvError, UsageError
from dlpuconv.files.content import ContentStore, sha256_of, size_of
from dlpuconv.files.scratch import temporary_folder
from dlpuconv.files.urls import shown
from dlpuconv.isolation import CrashError, Launch, Limits, OvertimeError, TaskError, Worker, WorkerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpuconv.batches.identity import Identified
    from dlpuconv.batches.job import Allowance, BatchJob
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
        by_the_job: its own process died, or the pool's that ran it, which may well happen again; else the machine or
            the engine is the likely cause.
    """

    why: str
    by_the_job: bool = False


@dataclass(frozen=True, slots=True)
class Unequal:
    """A worker that would make something else under the job's key.

    Attributes:
        why: a sentence.
    """

    why: str


def attempt(assignment: Assignment) -> JobRecord | Lost | Unequal:
    """Convert, and store what came of it; nothing is stored for a process that was lost, or that the machine hindered.

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
        circumstances = Circumstances(
            host=platform.node(),
            started=started,
            seconds=time.monotonic() - begun,
            attempts=assignment.number,
            peak_memory=ended.peak,
        )
        told = {name: StoredArtifact(sha256=sha256_of(c), size=size_of(c)) for name, c in ended.files.items()}
        record = replace(blank(assignment.identified, circumstances), files=told, **ended.facts)
        if ended.passing:
            return record
        if record.outcome not in (Outcome.CONVERTED, Outcome.REFUSED):
            record = replace(record, key=under(record.key, assignment.allowance))
        return assignment.store.add(record, ended.files)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How a job's process ended.

    Attributes:
        facts: what the record says of it.
        files: what was made.
        peak: the most memory that was seen, bytes.
        passing: another time it may end otherwise; see `passing`.
    """

    facts: Mapping[str, Any]
    files: Mapping[str, Content] = field(default_factory=dict)
    peak: int = 0
    passing: bool = False


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
    except DlpuconvError as error:  # an input that could be had when the batch began
        return _refused(error.to_json(), passing=True)
    except OvertimeError:
        text = f"the job took longer than the {allowance.seconds:g} s that it may"
        return _Ended(facts=_failure(Outcome.TIMED_OUT, text, "OvertimeError"), peak=_peak(watch))
    except CrashError as error:
        if watch is not None and watch.exceeded:
            text = f"the job took more than the {allowance.memory / 2**30:.3g} GiB of memory that it may"
            return _Ended(facts=_failure(Outcome.OUT_OF_MEMORY, text, "ExcessError"), peak=watch.peak)
        return Lost(f"{error}{f': {error.log}' if error.log else ''}", by_the_job=True)
    except TaskError as error:
        text = f"an internal error, which is a mistake in dlpuconv: {error}"
        return _Ended(facts=_failure(Outcome.CRASHED, text, "InternalError"), peak=_peak(watch))
    except (WorkerError, OSError) as error:
        return Lost(str(error))
    if changed := _changed(assignment, given):
        refusal = UsageError(f"{shown(changed)} is not what it was when the batch began", id="batch-input-changed")
        return _refused(refusal.to_json(), peak=watch.peak, passing=True)
    if "refused" in answer:
        refused = {**answer["refused"], "message": _as_named(answer["refused"]["message"], assignment, given)}
        return _refused(refused, peak=watch.peak, passing=answer["passing"])
    facts = {**answer["made"], "outcome": Outcome.CONVERTED, "reasons": tuple(answer["made"]["reasons"])}
    return _Ended(facts=facts, files=_contents(made, answer["files"]), peak=watch.peak)


def _changed(assignment: Assignment, given: Mapping[str, Any]) -> str:
    """What of a job's inputs is not what its key tells of, so that nothing may be kept under it; empty where all is.

    What was carried is a copy, which nobody changes.
    """
    job, contents = assignment.identified.job, assignment.identified.contents
    found = _places_by_path(job, given).items()
    now = {place: content_of(path) for path, place in found if place not in assignment.carried}
    now |= {text: code_content(text) for text in code_of(job)}
    return next((place for place, content in now.items() if content != contents[place]), "")


def _as_named(message: str, assignment: Assignment, given: Mapping[str, Any]) -> str:
    """What is told of the copies of carried inputs, told of the paths that the job names."""
    for path, place in _places_by_path(assignment.identified.job, given).items():
        if place in assignment.carried:
            message = message.replace(path, place)
    return message


def _places_by_path(job: BatchJob, given: Mapping[str, Any]) -> dict[str, str]:
    """How the job names each path that its process is given."""
    paths = {**given, "recipe": given["options"].get("recipe")}
    return {paths[what]: place for what, place in places_of(job).items()}


def _peak(watch: MemoryWatch | None) -> int:
    return watch.peak if watch is not None else 0


def _refused(error: Mapping[str, Any], *, peak: int = 0, passing: bool) -> _Ended:
    text = f"{error['message']}{AGAIN if passing else ''}"
    told = {"status": int(error["status"]), "error_id": str(error["id"] or "")}
    facts = _failure(Outcome.REFUSED, text, str(error["type"])) | told
    return _Ended(facts=facts, peak=peak, passing=passing)


def _failure(outcome: Outcome, text: str, kind: str) -> dict[str, Any]:
    return {"outcome": outcome, "error": text, "error_kind": kind, "status": DlpuconvError.status}


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

"""Runs the jobs of a batch: each once, whatever becomes of workers; counted, not timed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any, override

import pytest

from dlpuconv.batches.attempt import Assignment, Lost, Unequal, blank
from dlpuconv.batches.engines import Engine
from dlpuconv.batches.job import Allowance, BatchJob
from dlpuconv.batches.matrix import BatchPlan
from dlpuconv.batches.record import Circumstances, JobRecord, Outcome, StoredArtifact
from dlpuconv.batches.results.progress import progress_of
from dlpuconv.batches.scheduler import ATTEMPTS, run
from dlpuconv.batches.shard import WHOLE, Shard
from dlpuconv.batches.store import open_store
from dlpuconv.errors import BackendError, StoreError, UsageError
from dlpuconv.files.content import sha256_of
from tests.error_ids import raises_error

LIMITS = Allowance(memory=1 << 30, seconds=60)


class CountingStore:
    """A store that counts what it is asked.

    Attributes:
        counted: by operation.
    """

    def __init__(self, folder: Path) -> None:
        self.counted: Counter[str] = Counter()
        self._store = open_store(folder)

    def __getattr__(self, name: str) -> Any:
        self.counted[name] += 1
        return getattr(self._store, name)


def converted(assignment: Assignment) -> JobRecord:
    """What an attempt stores of a job that went well."""
    circumstances = Circumstances(host="h", started=0, seconds=1, attempts=assignment.number)
    content = assignment.identified.job.name.encode()
    record = replace(
        blank(assignment.identified, circumstances),
        outcome=Outcome.CONVERTED,
        verdict="pass",
        files={"m.bin": StoredArtifact(sha256=sha256_of(content), size=len(content))},
    )
    return assignment.store.add(record, {"m.bin": content})


class Scripted(Executor):
    """Answers as a function says, at once; the largest number of jobs that it had at a time is kept."""

    def __init__(self, answer: Callable[[Assignment], Any]) -> None:
        self.answer = answer
        self.submitted: list[str] = []

    @override
    def submit(self, fn: Any, /, *args: Any, **_: Any) -> Future[Any]:
        self.submitted.append(args[0].identified.job.name)
        future: Future[Any] = Future()
        try:
            future.set_result(self.answer(args[0]))
        except Exception as error:  # noqa: BLE001 - as executors do
            future.set_exception(error)
        return future


def engine(executor: Executor, slots: int = 2, **more: Any) -> Engine:
    return Engine(name="the engine", executor=executor, slots=slots, **more)


def jobs(count: int) -> list[BatchJob]:
    return [BatchJob(name=f"job-{n}", model="none there", target="artpec8", options={"opset": n}) for n in range(count)]


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    return CountingStore(tmp_path)


def test_a_second_run_does_only_what_changed(store: CountingStore) -> None:
    executor = Scripted(converted)
    assert len(list(run(jobs(3), store, engine(executor)))) == 3
    again = list(run(jobs(5), store, engine(executor)))
    assert sorted(record.name for record in again) == [f"job-{n}" for n in range(5)]
    assert executor.submitted == [f"job-{n}" for n in range(5)]


def test_operations_of_the_store_and_submissions_are_a_constant_of_each_job(store: CountingStore) -> None:
    executor = Scripted(converted)
    assert sum(1 for _ in run(jobs(500), store, engine(executor, 50))) == 500
    assert store.counted == {"keys": 1, "begin": 1, "add": 500}
    assert len(executor.submitted) == 500


def test_only_so_many_jobs_are_in_flight_that_no_slot_waits(store: CountingStore) -> None:
    executor = Scripted(converted)
    records = run(jobs(100), store, engine(executor, 4))
    next(records)
    assert len(executor.submitted) == 8
    next(records)
    assert len(executor.submitted) == 9
    records.close()  # type: ignore[attr-defined]


def test_no_more_jobs_are_in_flight_than_the_engine_may_be_given(store: CountingStore) -> None:
    executor = Scripted(converted)
    records = run(jobs(100), store, engine(executor, 4, limit=3))
    next(records)
    assert len(executor.submitted) == 3
    records.close()  # type: ignore[attr-defined]


def test_jobs_that_are_one_run_once_and_have_a_record_each(store: CountingStore) -> None:
    first = jobs(1)[0]
    executor = Scripted(converted)
    found = list(run([first, replace(first, name="twin", axes={"model": "twin"})], store, engine(executor)))
    assert [(record.name, dict(record.axes)) for record in found] == [("job-0", {}), ("twin", {"model": "twin"})]
    assert executor.submitted == ["job-0"]


def test_no_credential_of_an_axis_is_told(store: CountingStore) -> None:
    job = replace(jobs(1)[0], axes={"calibration": "s3://user:word@bucket/x"})
    (record,) = run([job], store, engine(Scripted(converted)))
    assert record.axes == {"calibration": "s3://bucket/x"}


def test_shards_share_the_jobs(store: CountingStore) -> None:
    executor = Scripted(converted)
    parts = [{r.name for r in run(jobs(40), store, engine(executor), shard=Shard(i, 3))} for i in (1, 2, 3)]
    assert sum(map(len, parts)) == 40 == len(set().union(*parts))


@pytest.mark.parametrize("loss", [Lost("died"), BrokenProcessPool("a process died"), RuntimeError("KilledWorker")])
def test_a_job_whose_worker_dies_runs_again(store: CountingStore, loss: Any) -> None:
    def answer(assignment: Assignment) -> Any:
        if assignment.number < ATTEMPTS:
            if isinstance(loss, Exception):
                raise loss
            return loss
        return converted(assignment)

    executor = Scripted(answer)
    (record,) = run(jobs(1), store, engine(executor, again=lambda: executor))
    assert (record.outcome, record.circumstances.attempts) == (Outcome.CONVERTED, ATTEMPTS)


def test_a_pool_that_breaks_under_several_jobs_is_made_anew_once(store: CountingStore) -> None:
    def broken(_: Assignment) -> Any:
        raise BrokenProcessPool("a process died")

    made: list[Scripted] = []

    def again() -> Scripted:
        made.append(Scripted(converted))
        return made[-1]

    records = list(run(jobs(4), store, engine(Scripted(broken), again=again)))
    assert [record.circumstances.attempts for record in records] == [2] * 4
    assert [sorted(executor.submitted) for executor in made] == [[f"job-{n}" for n in range(4)]]


class Broken(Scripted):
    """A pool whose processes cannot even start."""

    @override
    def submit(self, fn: Any, /, *args: Any, **_: Any) -> Future[Any]:
        raise BrokenProcessPool("a child process terminated abruptly")


def test_a_pool_that_breaks_before_it_takes_a_job_is_made_anew(store: CountingStore) -> None:
    records = list(run(jobs(4), store, engine(Broken(converted), again=lambda: Scripted(converted))))
    assert [record.outcome for record in records] == [Outcome.CONVERTED] * 4


@pytest.mark.parametrize(
    ("again", "said"),
    [
        (lambda: Broken(converted), "the engine accepts no jobs: BrokenProcessPool: a child"),
        (None, "the engine failed, and dlpuconv cannot start it again"),
    ],
)
def test_a_pool_that_stays_broken_is_told_in_a_sentence(store: CountingStore, again: Any, said: str) -> None:
    with pytest.raises(BackendError, match=said):
        list(run(jobs(4), store, engine(Broken(converted), again=again)))


def test_an_engine_that_has_never_worked_is_given_up_and_no_job_is(store: CountingStore) -> None:
    def broken(_: Assignment) -> Any:
        raise BrokenProcessPool("no worker starts")

    said = r"the engine broke 3 times before any job came back: BrokenProcessPool: no worker starts"
    with pytest.raises(BackendError, match=said):
        list(run(jobs(4), store, engine(Scripted(broken), again=lambda: Scripted(broken))))
    assert not store.keys()


def test_a_job_that_breaks_an_engine_that_works_is_a_record(store: CountingStore) -> None:
    def answer(assignment: Assignment) -> Any:
        if assignment.identified.job.name == "job-1":
            raise BrokenProcessPool("a process died")
        return converted(assignment)

    found = list(run(jobs(3), store, engine(Scripted(answer), 1, again=lambda: Scripted(answer))))
    assert [record.name for record in found if record.outcome is Outcome.CRASHED] == ["job-1"]
    assert len(found) == 3


def test_a_job_that_dies_in_every_attempt_is_a_record(store: CountingStore) -> None:
    executor = Scripted(lambda _: Lost("was killed by SIGSEGV", by_the_job=True))
    (record,) = run(jobs(1), store, engine(executor), limits=LIMITS)
    assert (record.outcome, record.circumstances.attempts) == (Outcome.CRASHED, ATTEMPTS)
    assert "was killed by SIGSEGV" in record.error
    assert len(executor.submitted) == ATTEMPTS
    assert next(iter(run(jobs(1), store, engine(executor), limits=LIMITS))) == record
    assert len(executor.submitted) == ATTEMPTS


def test_what_may_be_the_machines_or_the_engines_doing_is_told_and_tried_again(store: CountingStore) -> None:
    def unreachable(_: Assignment) -> Any:
        raise RuntimeError("slurm: controller unreachable")

    for answer, said in ((lambda _: Lost("No space left on device"), "No space left"), (unreachable, "slurm")):
        (record,) = run(jobs(1), store, engine(Scripted(answer)), limits=LIMITS)
        assert (record.outcome, record.circumstances.attempts) == (Outcome.CRASHED, ATTEMPTS)
        assert said in record.error
        assert record.error.endswith("; the same batch tries this job again")
        assert not store.keys()
    (record,) = run(jobs(1), store, engine(Scripted(converted)), limits=LIMITS)
    assert record.outcome is Outcome.CONVERTED


def test_other_limits_give_a_job_that_crashed_another_try_and_leave_the_others(store: CountingStore) -> None:
    dies = Scripted(lambda a: Lost("died", by_the_job=True) if a.identified.job.name == "job-0" else converted(a))
    list(run(jobs(2), store, engine(dies), limits=LIMITS))
    well = Scripted(converted)
    found = list(run(jobs(2), store, engine(well), limits=replace(LIMITS, seconds=120)))
    assert well.submitted == ["job-0"]
    assert {record.outcome for record in found} == {Outcome.CONVERTED}


def test_what_ended_well_counts_although_a_crash_under_the_same_limits_is_kept_as_well(store: CountingStore) -> None:
    dies, well = Scripted(lambda _: Lost("died", by_the_job=True)), Scripted(converted)
    list(run(jobs(1), store, engine(dies), limits=LIMITS))
    list(run(jobs(1), store, engine(well), limits=replace(LIMITS, seconds=120)))
    (found,) = run(jobs(1), store, engine(Scripted(converted)), limits=LIMITS)
    progress = progress_of(BatchPlan(jobs=tuple(jobs(1)), limits=LIMITS), store, WHOLE)
    assert found.outcome is Outcome.CONVERTED
    assert (progress.done, progress.failed) == ((found,), ())


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (Unequal("a worker on h has numpy 1"), UsageError, "numpy 1"),
        (StoreError("the store is full"), StoreError, "full"),
        (TypeError("cannot pickle"), BackendError, "the engine cannot run jobs: TypeError: cannot pickle"),
    ],
)
def test_what_no_other_attempt_would_mend_ends_the_batch(
    store: CountingStore, answer: Any, kind: type[Exception], said: str
) -> None:
    def give(_: Assignment) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(kind, match=said):
        list(run(jobs(1), store, engine(Scripted(give))))
    assert not store.keys()


def test_a_store_that_cannot_be_written_is_told_before_any_job_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no folder")
    (tmp_path / "older").mkdir()
    (tmp_path / "older" / "store.json").write_text('{"layout": 0}')
    executor = Scripted(converted)
    for place, told in (("older", "store-foreign"), ("file", "store-unavailable")):
        with raises_error(told):
            list(run(jobs(2), open_store(tmp_path / place), engine(executor)))
    assert executor.submitted == []


def test_an_engine_that_is_gone_is_told(store: CountingStore) -> None:
    def gone(_: Assignment) -> Any:
        raise OSError("connection closed")

    with raises_error("executor-lost", "the engine"):
        list(run(jobs(1), store, engine(Scripted(gone), alive=lambda: False)))


class Telling:
    """Progress that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def stage(self, title: str, total: int | None = None) -> Any:
        from dlpuconv.display.progress import Silent

        return Silent().stage(title, total)

    def message(self, text: str) -> None:
        self.told.append(text)


def test_who_stops_is_told_how_to_go_on_and_finished_records_stay(store: CountingStore) -> None:
    progress = Telling()
    records = run(jobs(9), store, engine(Scripted(converted), 1), progress=progress)
    next(records)
    with pytest.raises(KeyboardInterrupt):
        records.throw(KeyboardInterrupt)  # type: ignore[attr-defined]
    assert progress.told == ["1 of 9 jobs has its record in the store; the same batch goes on with the rest"]
    assert store.keys()


def test_threads_may_end_in_any_order(store: CountingStore) -> None:
    class Pool(ThreadPoolExecutor):
        @override
        def submit(self, fn: Any, /, *args: Any, **_: Any) -> Future[Any]:
            return super().submit(converted, args[0])

    with Pool(8) as pool:
        found: Iterator[JobRecord] = run(jobs(200), store, engine(pool, 8))
        assert sorted(record.name for record in found) == sorted(job.name for job in jobs(200))

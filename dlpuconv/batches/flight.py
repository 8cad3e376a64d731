"""The jobs that are on an engine now: submitted, and taken back in the order that they end in."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from pickle import PicklingError
from queue import SimpleQueue
from typing import TYPE_CHECKING

from dlpuconv.batches.attempt import Assignment, Lost, Unequal, attempt
from dlpuconv.errors import BackendError, DlpuconvError, UsageError
from dlpuconv.named_function import first_line

if TYPE_CHECKING:
    from dlpuconv.batches.engines import Engine
    from dlpuconv.batches.record import JobRecord

    type Answer = JobRecord | Lost | Unequal

_MOST_BROKEN = 3
"""Executors that broke, one after the other, before any job came back: then it is not the jobs."""
_NOT_SENT = (PicklingError, TypeError, AttributeError, ImportError)
"""Of an executor that could not hand a job on; another attempt would end alike."""


class Flight:
    """Used by one thread; what a job takes here does not depend on how many there are.

    Attributes:
        count: of the jobs on the engine.
    """

    def __init__(self, engine: Engine) -> None:
        self.count = 0
        self._engine = engine
        self._futures: dict[Future[Answer], tuple[Assignment, Executor]] = {}
        self._ended: SimpleQueue[Future[Answer]] = SimpleQueue()
        self._broken: int | None = 0  # how many executors have, until a job comes back

    def submit(self, assignment: Assignment) -> None:
        """Hand a job to the engine.

        Raises:
            BackendError: it takes none.
        """
        try:
            try:
                future = self._engine.executor.submit(attempt, assignment)
            except BrokenExecutor:
                self._engine.renew()
                future = self._engine.executor.submit(attempt, assignment)
        except DlpuconvError:
            raise
        except Exception as error:  # an executor raises what it likes; a new one that is broken as well stays so
            raise BackendError(
                f"{self._engine.name} accepts no jobs: {first_line(error)}", id="executor-failed"
            ) from error
        self._futures[future] = assignment, self._engine.executor
        self.count += 1
        future.add_done_callback(self._ended.put)

    def next(self) -> tuple[Assignment, JobRecord | Lost]:
        """Wait for the next one to end.

        Raises:
            UsageError: its worker has other versions.
            DlpuconvError: its worker could not store what came of it, or the engine failed.
        """
        future = self._ended.get()
        assignment, executor = self._futures.pop(future)
        self.count -= 1
        answer = self._answer(future, executor)
        if isinstance(answer, Unequal):
            raise UsageError(answer.why, id="batch-worker-differs")
        return assignment, answer

    def cancel(self) -> None:
        """Take back what has not begun."""
        for future in self._futures:
            future.cancel()

    def _answer(self, future: Future[Answer], executor: Executor) -> Answer:
        try:
            answer = future.result()
        except DlpuconvError:
            raise
        except BrokenExecutor as error:
            if executor is self._engine.executor:  # else its other jobs have told so before: the new one is whole
                self._count_broken(error)
                self._engine.renew()
            return Lost(f"went with its pool: {first_line(error)}", by_the_job=True)
        except CancelledError:
            self._engine.check()
            return Lost("went with its worker")
        except _NOT_SENT as error:
            raise BackendError(
                f"{self._engine.name} cannot run jobs: {first_line(error)}", id="executor-failed"
            ) from error
        except Exception as error:  # noqa: BLE001 - an executor's own words for a worker that died
            self._engine.check()
            return Lost(f"went with its worker: {first_line(error)}")
        self._broken = None
        return answer

    def _count_broken(self, error: BrokenExecutor) -> None:
        """Give an engine up that has never worked, instead of every job of the batch."""
        if self._broken is None:
            return
        self._broken += 1
        if self._broken >= _MOST_BROKEN:
            raise BackendError(
                f"{self._engine.name} broke {self._broken} times before any job came back: {first_line(error)}",
                id="executor-failed",
            ) from error

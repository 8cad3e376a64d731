"""An executor, and what a batch has to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor


@dataclass(slots=True, kw_only=True)
class Engine:
    """Runs jobs somewhere; used by one thread.

    Attributes:
        name: for people, such as `2 processes of this machine`.
        executor: what jobs are submitted to; another one after `renew`.
        slots: jobs that it runs at the same time, as far as that is known.
        limit: most jobs that it may be given at a time; None where more may wait for a slot.
        threads: that each of them computes with.
        distant: its workers may see none of this machine's files, so inputs go through the store.
        again: makes another executor in the place of a broken one; None where that is beyond this program.
        alive: whether it may still answer, where that can be told.
    """

    name: str
    executor: Executor
    slots: int
    limit: int | None = None
    threads: int = 1
    distant: bool = False
    again: Callable[[], Executor] | None = None
    alive: Callable[[], bool] = lambda: True

    def renew(self) -> None:
        """Put another executor in the place of one that broke; those that it was running are lost.

        Raises:
            BackendError: there is none.
        """
        if self.again is None:
            raise BackendError(
                f"{self.name} failed, and dlpuconv cannot start it again: run the same batch once more, which"
                " continues with the jobs that have no record yet",
                id="executor-lost",
            )
        self.executor.shutdown(wait=False, cancel_futures=True)
        self.executor = self.again()

    def check(self) -> None:
        """After a job was lost.

        Raises:
            BackendError: no other attempt could do better.
        """
        if not self.alive():
            raise BackendError(
                f"{self.name} no longer answers: run the same batch once more, which continues with the jobs that"
                " have no record yet",
                id="executor-lost",
            )

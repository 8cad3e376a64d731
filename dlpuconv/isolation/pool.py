"""Workers are kept warm: whoever needs one gets one that has its libraries loaded, where there is one."""

from __future__ import annotations

import atexit
import os
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from dlpuconv.isolation.limits import GIBIBYTE, Limits
from dlpuconv.isolation.process import Worker, WorkerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.isolation.process import Launch

_TO_FORGET = Limits(memory=GIBIBYTE, seconds=30)


class Pool:
    """The idle workers of this process, at most one of each kind."""

    def __init__(self) -> None:
        self._idle: dict[Launch, Worker] = {}
        self._lock = threading.RLock()  # a finalizer may give back while this very thread takes

    def take(self, launch: Launch) -> Worker:
        """A worker that is the caller's until it is given back or ended.

        Raises:
            OSError: there is none, and none can be started.
        """
        with self._lock:
            worker = self._idle.pop(launch, None)
        if worker is not None and worker.is_usable:
            return worker
        if worker is not None:
            worker.end()
        return Worker(launch)

    def give_back(self, worker: Worker) -> None:
        """Keep a worker for the next one who needs its like; one that is not usable any more is ended."""
        if worker.is_usable:
            with self._lock:
                worker, spare = self._idle.setdefault(worker.launch, worker), worker
            if worker is spare:
                return
            worker = spare
        worker.end()

    @contextmanager
    def borrowed(self, launch: Launch) -> Iterator[Worker]:
        """A worker for as long as the context lasts.

        Raises:
            OSError: none can be had.
        """
        worker = self.take(launch)
        try:
            yield worker
        finally:
            self.give_back(worker)

    def free(self, worker: Worker, **facts: Any) -> None:
        """Give back a worker that has something loaded: its task `forget` frees that, for whoever needs it next."""
        if worker.is_usable:
            with suppress(WorkerError, OSError):
                worker.ask("forget", _TO_FORGET, **facts)
        self.give_back(worker)

    def warm_up(self, launch: Launch) -> None:
        """Start a worker that will be needed soon, so that it loads its libraries meanwhile.

        Nothing happens where one is there already, or none can be had: whoever needs it is told.
        """
        with self._lock:
            if launch in self._idle:
                return
        try:
            self.give_back(Worker(launch))
        except OSError:
            return

    def drop(self, launch: Launch) -> None:
        """End the idle worker of a kind, where there is one: what it has seen of this process is no longer so."""
        with self._lock:
            worker = self._idle.pop(launch, None)
        if worker is not None:
            worker.end()

    def end(self) -> None:
        """End all idle workers."""
        with self._lock:
            idle, self._idle = list(self._idle.values()), {}
        for worker in idle:
            worker.end()

    def _forget(self) -> None:
        """In a forked child: the workers are the parent's."""
        self._lock = threading.RLock()
        self.end()


pool = Pool()
"""The workers of this process."""

atexit.register(pool.end)
os.register_at_fork(after_in_child=pool._forget)

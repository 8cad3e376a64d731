"""The conversions that run now on behalf of an engine of this process: who stops a batch ends them."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.isolation import Worker


class Running:
    """Workers of several threads."""

    def __init__(self) -> None:
        self._workers: set[Worker] = set()
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def counted(self, worker: Worker) -> Iterator[None]:
        """Keep a worker in the list as long as it runs."""
        with self._lock:
            self._workers.add(worker)
            if self._closed:
                worker.kill()
        try:
            yield
        finally:
            with self._lock:
                self._workers.discard(worker)

    def close(self) -> None:
        """End all, and whatever else is started: whoever waits for one is told that it crashed."""
        with self._lock:
            self._closed = True
            for worker in self._workers:
                worker.kill()


class _Own(threading.local):
    """The job that each thread runs."""

    running: Running | None = None


_own = _Own()


def serve(running: Running) -> None:
    """This thread runs jobs for an engine."""
    _own.running = running


def current() -> Running:
    """Running processes of the engine that this thread runs jobs for; a new set where another executor runs them."""
    return _own.running or Running()

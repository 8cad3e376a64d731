"""Keeps a job's processes within their memory: looks at them all together a few times a second, and ends them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from dlpuconv.batches.tree import family, proportional, resident

if TYPE_CHECKING:
    from dlpuconv.isolation import Worker

_PERIOD_S = 0.1
_WORTH_A_LOOK = 1.05  # growth of the quick figure since the last closer look


class MemoryWatch:
    """For the time of a context.

    Attributes:
        peak: bytes that were seen.
        exceeded: the worker was ended for it.
    """

    def __init__(self, worker: Worker, limit: int) -> None:
        self.peak = 0
        self.exceeded = False
        self._worker, self._limit = worker, limit
        self._looked_at = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="memory watch")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_PERIOD_S):
            processes = family(self._worker.pid)
            quick = resident(processes)
            if quick > _WORTH_A_LOOK * self._looked_at or quick > self._limit:
                self._looked_at = max(quick, self._looked_at)
                self.peak = max(self.peak, proportional(processes))
            if self.peak > self._limit:
                self.exceeded = True
                self._worker.kill()
                return

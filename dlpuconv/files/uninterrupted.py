"""Short work that must not end half done.

Ctrl-C and other signals interrupt the main thread only, so another one does it. That is a bare one: `threading.Thread`
takes locks in the main thread to start, and an interruption may leave one taken, which the new thread waits for.
"""

from __future__ import annotations

import os
import time
from _thread import allocate_lock, start_new_thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_GLANCE_S = 0.001


class _Errand[T]:
    """Work that is done once, or never begins."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._begun = allocate_lock()  # by whoever takes it, and for good
        self._results: list[T] = []
        self._errors: list[BaseException] = []
        self.waiting = allocate_lock()
        self.waiting.acquire()

    def run(self) -> None:
        if self._begun.acquire(blocking=False):
            try:
                self._results.append(self._work())
            except BaseException as error:  # noqa: BLE001 - it is raised where the caller is
                self._errors.append(error)
        _errands.discard(self)
        self.waiting.release()

    def result(self) -> T:
        for error in self._errors:
            raise error
        return self._results[0]

    def settle(self) -> None:
        """Wait for its end; where it has not begun, it never will."""
        if not self._begun.acquire(blocking=False):
            while not (self._results or self._errors):
                time.sleep(_GLANCE_S)


_errands: set[_Errand[Any]] = set()

os.register_at_fork(after_in_child=_errands.clear)  # the threads are the parent's


def uninterrupted[T](work: Callable[[], T]) -> T:
    """What `work` returns or raises; once begun, it comes to its end even where its caller is interrupted meanwhile.

    Args:
        work: short, and without a lock that the caller holds; nor may the caller hold one that a finalizer takes, as
            garbage may be collected in the other thread.
    """
    errand = _Errand(work)
    _errands.add(errand)
    start_new_thread(errand.run, ())
    errand.waiting.acquire()
    return errand.result()


def settle() -> None:
    """Wait for all work whose caller was interrupted, before the process ends; none of it begins any more."""
    for errand in list(_errands):
        errand.settle()

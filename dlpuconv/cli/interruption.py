"""Ctrl-C, SIGTERM and their like: how a command stops, wherever it is."""

from __future__ import annotations

import signal
import sys
from typing import Any, Self

_STOPPING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_SIGNALLED = 128  # a shell's own way to make a status of a signal
INTERRUPTED = _SIGNALLED + signal.SIGINT


class Stopped(BaseException):
    """Ctrl-C, SIGTERM, SIGHUP or SIGQUIT came.

    Not a KeyboardInterrupt: where one surfaces inside a native library's start-up, Python ends the process by signal.
    """


class StopSignals:
    """Signals that stop a command leave through every `finally`, so that temporary folders and workers go too.

    Python drops what a signal's handler raises where it happens to interrupt a finalizer or the callback of a weak
    reference, such as the import system's. So the signal is remembered, and `check` raises again: before each stage
    of long work, and before anything is written. Another signal is one more chance, unless the first one is on its way
    out already: what it cleans up is not interrupted.

    A signal that was ignored from the start stays so, as under `nohup` and in a shell's background job. Once one has
    stopped the command, all are ignored for good: the process cleans up and ends.

    Attributes:
        status: the exit status of the first signal that came; None while none did.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self._before: dict[int, Any] = {}
        self._unraisable = sys.unraisablehook

    def __enter__(self) -> Self:
        self.status = None
        self._unraisable, sys.unraisablehook = sys.unraisablehook, self._tell_unraisable
        for number in _STOPPING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if self.status is None else signal.SIG_IGN)
        self._before.clear()
        sys.unraisablehook = self._unraisable

    def check(self) -> None:
        """Go on unless a signal came.

        Raises:
            Stopped: one did.
        """
        if self.status is not None:
            raise Stopped

    def ignore(self) -> None:
        """Heed no more signals: one has stopped the command, which ends."""
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)

    def _stop(self, number: int, _: object) -> None:
        self.status = self.status or _SIGNALLED + number
        if not _leaving():
            raise Stopped

    def _tell_unraisable(self, dropped: sys.UnraisableHookArgs) -> None:
        if not issubclass(dropped.exc_type, Stopped):  # which is remembered
            self._unraisable(dropped)


def _leaving() -> bool:
    """Whether what was interrupted just now is the cleaning-up after a signal."""
    error = sys.exception()
    while error is not None and not isinstance(error, Stopped):
        error = error.__context__
    return error is not None


stop_signals = StopSignals()
"""The signals of this process: they belong to the process as a whole."""

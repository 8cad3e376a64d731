"""Ctrl-C and SIGTERM: how a command stops, wherever it is."""

from __future__ import annotations

import signal
from typing import Any, NoReturn, Self

INTERRUPTED = 130
_TERMINATED = 143


class Stopped(BaseException):
    """Ctrl-C or SIGTERM came.

    Not a KeyboardInterrupt: where one surfaces inside a native library's start-up, Python ends the process by signal.
    """


class StopSignals:
    """Ctrl-C and SIGTERM leave through every `finally`, so that temporary folders and workers go too.

    Python drops what a signal's handler raises where it happens to interrupt a finalizer or the callback of a weak
    reference, such as the import system's. So the signal is remembered, and `check` raises again: before each stage
    of long work, and before anything is written.

    Attributes:
        status: the exit status of the signal that came; None while none did.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self.status = None
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as in a shell's background job
                self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def check(self) -> None:
        """Go on unless a signal came.

        Raises:
            Stopped: one did.
        """
        if self.status is not None:
            raise Stopped

    def _stop(self, number: int, _: object) -> NoReturn:
        self.status = INTERRUPTED if number == signal.SIGINT else _TERMINATED
        raise Stopped


stop_signals = StopSignals()
"""Of this process: signals are the whole process's."""

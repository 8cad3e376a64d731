"""stdout and stderr as a command meets them: closed from the start, on a full disk, or without a reader any more."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, Self, TextIO, override

from dlpuconv.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Buffer

_STDIN, _STDOUT, _STDERR = range(3)
_REASONS = {errno.EBADF: "it is closed", errno.ENOSPC: "the disk is full"}


class Outlet(io.FileIO):
    """A stream of the process; once it takes no more, the rest is dropped, so that the work goes on.

    Attributes:
        problem: why it takes no more, unless its reader went away, as `head` does; None where it takes all.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.problem: OSError | None = None
        self._open = True

    @override
    def write(self, data: Buffer, /) -> int:
        """Write, or drop."""
        if self._open:
            try:
                return self._all(data)
            except BrokenPipeError:
                self._open = False
            except OSError as error:
                self._open, self.problem = False, error
        return memoryview(data).nbytes

    def _all(self, data: Buffer) -> int:
        """Write; a pipe that does not block, as some parents give to their children, is waited for while it is full."""
        written: int | None = super().write(data)
        while written is None:
            select.select((), (self,), ())
            written = super().write(data)
        return written


class Streams:
    """stdout and stderr of a command: nothing that befalls them ends its work.

    What somebody else put into their place, as tests and notebooks do, stays.
    """

    def __init__(self) -> None:
        self._outlet: Outlet | None = None
        self._before: tuple[TextIO, TextIO] = sys.stdout, sys.stderr

    def __enter__(self) -> Self:
        _occupy()
        self._before = sys.stdout, sys.stderr
        if sys.stdout is sys.__stdout__:
            self._outlet = Outlet(_STDOUT)
            sys.stdout = _text(self._outlet, sys.stdout, at_once=False)
        if sys.stderr is sys.__stderr__:
            sys.stderr = _text(Outlet(_STDERR), sys.stderr, at_once=True)
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()
        sys.stdout, sys.stderr = self._before
        self._outlet = None

    def check(self, kept: str = "the work is done") -> None:
        """Go on if all that was printed was taken, or nobody reads it any more.

        Args:
            kept: what is there all the same, for the message.

        Raises:
            OutputError: stdout took it not.
        """
        sys.stdout.flush()
        problem = self._outlet.problem if self._outlet else None
        if problem is not None:
            reason = _REASONS.get(problem.errno or 0) or problem.strerror or str(problem)
            raise OutputError(
                f"{kept}, but the result could not be printed on stdout: {reason}", id="output-not-printed"
            ) from problem


def _occupy() -> None:
    """Leave no number of the three streams to the next file that is opened: what is printed would go into that file.

    A stdout that was closed takes nothing, so that it can be told; to a stderr that was closed nothing can be told.
    """
    for descriptor, mode in ((_STDIN, os.O_RDONLY), (_STDOUT, os.O_RDONLY), (_STDERR, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:  # the lowest free number is the one that is given
            os.set_inheritable(os.open(os.devnull, mode), True)


def _text(outlet: Outlet, like: TextIO | None, *, at_once: bool) -> TextIO:
    encoding, errors = (like.encoding, like.errors) if like is not None else ("utf-8", "backslashreplace")
    buffered = io.BufferedWriter(outlet)
    return io.TextIOWrapper(
        buffered, encoding, errors, line_buffering=at_once or outlet.isatty(), write_through=at_once
    )


streams = Streams()
"""The standard streams of this process."""

"""This side of a worker: starts it, asks it, and ends it in every case."""

from __future__ import annotations

import atexit
import os
import signal
import site
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dlpuconv.files.scratch import make_folder, remove_folder
from dlpuconv.files.uninterrupted import uninterrupted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.isolation.limits import Limits
    from dlpuconv.isolation.messages import Inbox, Message, Outbox

_SERVE = Path(__file__).with_name("serve.py")
_PROJECT = Path(__file__).resolve().parents[2]
_LOG_TAIL = 64 * 1024
_LONGEST_LINE = 300
_LACKS_A_LIBRARY = 69  # exit status, as `serve.py` has it
_FAREWELL_S = 10  # from the end of the connection to that of the process
_LOOK = os.WEXITED | os.WNOHANG | os.WNOWAIT  # of os.waitid: whether it has ended, which it stays waiting to tell
_GLANCE_S = 0.001
_WARM = 64 << 20  # bytes: a worker that was brought more, or lends more, is not kept: its memory does not shrink again
_FOLDERS = ("HOME", "TMPDIR", "TMP", "TEMP", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "MPLCONFIGDIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What to run; equal launches may share a warm worker, one after the other.

    Attributes:
        title: for people, such as `the lowering worker`.
        tasks: file of the module whose `TASKS` it answers with.
        interpreter: Python; empty: this one.
        environment: names and values over this process's.
        sees_project: the tasks may import dlpuconv and whatever lies beside it.
        has_folder: it gets a folder of its own for all that libraries write, and no graphics processor.
    """

    title: str
    tasks: Path
    interpreter: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    sees_project: bool = True
    has_folder: bool = False


class WorkerError(Exception):
    """A worker gave no answer; `str` says what became of it, to follow its title or a file's name.

    Attributes:
        log: the last telling line that it printed; empty without any.
    """

    def __init__(self, what: str, log: str = "") -> None:
        super().__init__(what)
        self.log = log


class CrashError(WorkerError):
    """The question ended the worker's process."""


class ExcessError(WorkerError):
    """The question took more memory or time than it may."""


class OvertimeError(ExcessError):
    """The question took more time than it may."""


class TaskError(WorkerError):
    """The library raised an exception, which `str` holds as `Type: text`."""


class MissingLibraryError(WorkerError):
    """The worker's interpreter lacks a library, which `str` names."""


class Worker:
    """A process that answers questions, one at a time; it may be asked from any thread that owns it.

    It starts at once and imports its libraries while the caller does other work.
    """

    def __init__(self, launch: Launch) -> None:
        """Start it.

        Raises:
            OSError: the interpreter cannot be started, or there is no place for the worker's folder.
        """
        self.launch = launch
        self.owner = os.getpid()
        self._most_brought = 0
        self._boxes: tuple[Outbox, Inbox] | None = None
        self._told = 0  # bytes of the log that earlier questions left
        with ExitStack() as undo:
            self._home = make_folder("worker") if launch.has_folder else None
            if self._home:
                undo.callback(remove_folder, self._home)
            self._log = undo.enter_context(uninterrupted(tempfile.TemporaryFile))
            self._socket, theirs = socket.socketpair()
            undo.enter_context(self._socket)
            with theirs:
                self._process = _started(launch, theirs, str(self._home or ""), self._log)
            _not_ended.add(self)
            undo.pop_all()

    def ask(
        self,
        task: str,
        limits: Limits,
        arrays: Mapping[str, npt.NDArray[Any] | Sequence[npt.NDArray[Any]]] | None = None,
        *,
        lent: bool = False,
        **facts: Any,
    ) -> Message:
        """Ask, and wait for the answer.

        Args:
            task: name of one of the module's `TASKS`.
            limits: of this question.
            arrays: for the task; several of one form arrive as one.
            lent: the answer's arrays are only lent, until the next question: for many small questions in a row.
            **facts: for the task: anything that JSON holds.

        Returns:
            The task's answer.

        Raises:
            CrashError: the worker did not survive the question, or answers nonsense.
            ExcessError: the question took too much memory, or OvertimeError: time.
            TaskError: the task raised an exception.
            MissingLibraryError: the task needs a library that is not there.
        """
        from dlpuconv.isolation.messages import (
            Inbox,
            Message,
            Outbox,
            receive,
            send,
        )  # NumPy: a start need not wait for it

        if self._log.closed:
            raise CrashError("has ended already")
        told = {**facts, "task": task, "lent": lent, "memory": limits.memory, "seconds": limits.seconds}
        question = Message(facts=told, arrays=cast("Mapping[str, npt.NDArray[Any]]", arrays or {}))
        size = question.size
        if lent and self._boxes is None:
            self._boxes = Outbox(), Inbox()
        outbox, inbox = self._boxes if lent and self._boxes is not None else (None, None)
        self._most_brought = max(self._most_brought, size)
        self._socket.settimeout(limits.patience)
        try:
            with suppress(BrokenPipeError, ConnectionError):  # it has gone, and may have left word why
                send(self._socket, question, outbox)
            answer = receive(self._socket, limits.memory + size, limits.patience, inbox=inbox)
        except TimeoutError:
            raise self._ended(OvertimeError, f"takes more than {round(limits.seconds, 1):g} s") from None
        except ValueError as error:
            raise self._ended(CrashError, f"has no usable answer: {error}") from error
        except OSError as error:
            raise self._ended(CrashError, f"cannot be asked: {error.strerror or error}") from error
        except BaseException:  # an interruption in the middle of a message leaves nothing that could be used further
            self.end()
            raise
        if answer is None:
            raise self._lost(limits)
        if lent:
            self._most_brought = max(self._most_brought, answer.size)
        self._told = os.fstat(self._log.fileno()).st_size
        return self._checked(answer, limits)

    @property
    def is_usable(self) -> bool:
        """Whether another question may be asked: it lives, it is this process's, and its memory is small."""
        return self.owner == os.getpid() and self.is_alive and self._most_brought <= _WARM

    @property
    def is_alive(self) -> bool:
        """Whether its process is there; one that has ended stays to be waited for, so that its number is nobody's."""
        return not self._log.closed and os.waitid(os.P_PID, self._process.pid, _LOOK) is None

    @property
    def pid(self) -> int:
        """Number of its process."""
        return self._process.pid

    def kill(self) -> None:
        """Kill the process from another thread than its owner's, who is answered with a CrashError."""
        with suppress(ChildProcessError, ProcessLookupError, PermissionError, ValueError):
            if self.is_alive:
                os.killpg(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill the process with all that it started, and remove its folder; may be called twice.

        Where that is interrupted, another call does what is left. In a forked child, it only lets go of the parent's.
        """
        self._log.close()
        if self.owner != os.getpid():
            self._process.returncode = 0  # a child of the parent's, which nobody here can wait for
        elif self._process.returncode is None:  # its number is its own until it has been waited for
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)  # with what it has started, even where it has ended itself
            self._process.wait()
        self._socket.close()  # only now: it would take this for the parent's end, and the folders away
        if self._home and self.owner == os.getpid():
            remove_folder(self._home)
        _not_ended.discard(self)

    def _lost(self, limits: Limits) -> WorkerError:
        """Why it has gone."""
        deadline = time.monotonic() + _FAREWELL_S
        while self.is_alive:
            if time.monotonic() > deadline:
                return self._ended(CrashError, "hung up without an answer")
            time.sleep(_GLANCE_S)
        found = os.waitid(os.P_PID, self._process.pid, _LOOK)
        assert found is not None
        status = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        if status == _LACKS_A_LIBRARY:
            return self._ended(MissingLibraryError, " ".join(self._log_lines()[-1:]))
        if status == -signal.SIGXCPU:
            return self._ended(OvertimeError, f"takes more than {round(limits.seconds, 1):g} s")
        if status < 0:
            with suppress(ValueError):
                return self._ended(CrashError, f"was killed by {signal.Signals(-status).name}")
        return self._ended(CrashError, f"ended with exit status {status} before it answered")

    def _ended(self, kind: type[WorkerError], what: str) -> WorkerError:
        """End it; the error tells with which words it went."""
        lines = self._log_lines()
        telling = [line for line in lines if "rror" in line] or lines
        self.end()
        return kind(what, telling[-1][:_LONGEST_LINE] if telling else "")

    def _checked(self, answer: Message, limits: Limits) -> Message:
        problem = str(answer.facts.get("problem", ""))
        if missing := answer.facts.get("missing"):
            raise MissingLibraryError(str(missing))
        if answer.facts.get("excess"):
            raise ExcessError(f"takes more than {limits.memory / 2**30:.3g} GiB", problem)
        if problem:
            raise TaskError(problem)
        return answer

    def _log_lines(self) -> list[str]:
        """The last lines that it printed since the last answer, those with more than punctuation."""
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(self._told, size - _LOG_TAIL))
        text = self._log.read().decode("utf-8", "replace")
        return [" ".join(line.split()) for line in text.splitlines() if any(c.isalnum() for c in line)]


_not_ended: set[Worker] = set()
"""The workers of this process, so that none outlives it: whoever owns one may be interrupted before it is ended."""


@atexit.register
def _end_all() -> None:
    for worker in list(_not_ended):
        worker.end()


def _started(launch: Launch, theirs: socket.socket, home: str, log: Any) -> subprocess.Popen[bytes]:
    command = [launch.interpreter or sys.executable, "-P", str(_SERVE), str(theirs.fileno()), str(launch.tasks), home]
    return subprocess.Popen(
        [*command, str(_PROJECT) if launch.sees_project else ""],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=home or None,
        env={**os.environ, **_environment(home), **dict(launch.environment)},
        pass_fds=(theirs.fileno(),),
        start_new_session=True,  # a group of its own: killed as a whole, and spared by Ctrl-C
    )


def _environment(home: str) -> dict[str, str]:
    """Every folder that libraries write to inside `home`, and no graphics processor."""
    if not home:
        return {}
    return {
        **dict.fromkeys(_FOLDERS, home),
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONHASHSEED": "0",
        "PYTHONUSERBASE": site.getuserbase(),  # a library that is installed for this user stays so with another HOME
    }

"""The parent's side of a worker: starts it early, asks it, and ends it in every case."""

from __future__ import annotations

import json
import os
import select
import signal
import site
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dlpuconv.errors import BackendError
from dlpuconv.scratch import make_folder, remove_folder
from dlpuconv_backends.workers.files import writing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_LOG_TAIL = 64 * 1024
_FOLDERS = ("HOME", "TMPDIR", "TMP", "TEMP", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "MPLCONFIGDIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What to run.

    Attributes:
        title: for people, such as `lowering worker`.
        interpreter: Python.
        arguments: of the interpreter; the number of the file descriptor for answers and the worker's folder follow.
        environment: over the parent's, beside the folders.
        timeout_s: how long one answer may take, including what is left of the start.
        other_interpreter: how the user names another one; empty: not at all.
        other_timeout: how the user sets another limit; empty: not at all.
    """

    title: str
    interpreter: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float
    other_interpreter: str = ""
    other_timeout: str = ""


class WorkerProcess:
    """A process that answers lines of JSON with lines of JSON; owned by one conversion, used from one thread.

    It starts at once and imports its libraries while the caller does other work. Leaving the context kills it with
    everything that it started, and removes its temporary folder.
    """

    def __init__(self, launch: Launch) -> None:
        """Start it.

        Raises:
            BackendError: the interpreter cannot be started.
            OutputError: there is no place for its folder.
        """
        self._launch = launch
        self._pending = b""
        with writing(f"the folder of the {launch.title}", Path(os.environ.get("TMPDIR") or "the temporary folder")):
            self._home = make_folder("worker")
        try:
            with writing(f"the log of the {launch.title}", self._home):
                stdout, stderr = (self._home / "stdout").open("wb"), (self._home / "stderr").open("wb")
            with stdout, stderr:
                self._process, self._answers = self._started(launch, stdout, stderr)
        except BaseException:
            remove_folder(self._home)
            raise

    def _started(self, launch: Launch, stdout: Any, stderr: Any) -> tuple[subprocess.Popen[bytes], int]:
        reader, writer = os.pipe()
        try:
            process = subprocess.Popen(
                [launch.interpreter, *launch.arguments, str(writer), str(self._home)],
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
                cwd=self._home,
                env=_environment(self._home, launch.environment),
                pass_fds=(writer,),
                start_new_session=True,  # a group of its own: killed as a whole, and spared by Ctrl-C
            )
        except OSError as error:
            os.close(reader)
            hint = f" ({launch.other_interpreter} names another one)" if launch.other_interpreter else ""
            raise BackendError(
                f"the {launch.title} needs a Python interpreter, but {launch.interpreter!r} cannot be started:"
                f" {error.strerror}{hint}"
            ) from error
        finally:
            os.close(writer)
        return process, reader

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill the process with its group and remove its folder; may be called twice."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        self._process.wait()
        if self._answers >= 0:
            os.close(self._answers)
            self._answers = -1
        remove_folder(self._home)

    def exchange(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Ask, and wait for the answer.

        Raises:
            BackendError: the process is closed, crashed, took too long or does not speak JSON.
        """
        if self._answers < 0:
            raise BackendError(f"the {self._launch.title} is closed")
        with suppress(OSError):  # it died or could not start: its last answer or its log says why
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        line = self._next_line(time.monotonic() + self._launch.timeout_s)
        try:
            answer = json.loads(line)
        except ValueError:
            raise self.failure(f"answered {line[:60]!r}, which is not JSON") from None
        if not isinstance(answer, dict):
            raise self.failure(f"answered {line[:60]!r}, which is no object")
        return answer

    def failure(self, what: str) -> BackendError:
        """An error that says what the process did, and how its log ends."""
        last = self._last_telling_line()
        return BackendError(f"the {self._launch.title} {what}" + (f"; its log ends: {last}" if last else ""))

    def _next_line(self, deadline: float) -> bytes:
        while b"\n" not in self._pending:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                hint = f" ({self._launch.other_timeout} sets another limit)" if self._launch.other_timeout else ""
                failure = self.failure(f"did not finish within {self._launch.timeout_s:g} s{hint}")
                self.close()
                raise failure
            chunk = os.read(self._answers, 1 << 16)
            if not chunk:
                raise self.failure(_ending(self._process.wait()))
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def _last_telling_line(self) -> str:
        """The last line of stderr (or else stdout) that is more than punctuation or a traceback's source line."""
        for name in ("stderr", "stdout"):
            try:
                text = (self._home / name).read_bytes()[-_LOG_TAIL:].decode("utf-8", "replace")
            except OSError:
                continue
            lines = [line.strip() for line in text.splitlines() if any(c.isalnum() for c in line)]
            telling = [line for line in lines if "rror" in line] or lines
            if telling:
                return one_line(telling[-1])
        return ""


def one_line(text: str, limit: int = 300) -> str:
    """Text without line breaks, and not longer than `limit`."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """The parent's environment with every folder that libraries write to inside `home`, and without a GPU."""
    fixed = {
        **dict.fromkeys(_FOLDERS, str(home)),
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONHASHSEED": "0",
        "PYTHONUSERBASE": site.getuserbase(),  # a library that is installed for this user stays so with another HOME
    }
    return {**os.environ, **fixed, **more}


def _ending(status: int) -> str:
    if status < 0:
        with suppress(ValueError):
            return f"was killed by {signal.Signals(-status).name}"
    return f"ended with exit status {status} before it answered"

"""Workers as backends have them: from the core's pool, and whatever becomes of one is a sentence with what helps."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.plugin import BackendError, MissingDependencyError, OutputError
from dlpuconv.plugin.isolation import MissingLibraryError, OvertimeError, TaskError, WorkerError, pool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.plugin.isolation import Launch, Worker

_MORE = "DLPUCONV_TRACEBACK=1 shows what it said"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A large library that a worker runs.

    Attributes:
        launch: of the worker.
        failed: a sentence about a failure of the library. What it said itself is in no message, as it speaks of options
            that the user does not have; it is the error's cause, which DLPUCONV_TRACEBACK=1 shows.
        extra: the extra of dlpuconv that brings the library.
        purpose: what it is needed for.
        interpreter_hint: how the user names another interpreter; empty: not at all.
        timeout_hint: how the user sets another limit of time; empty: not at all.
    """

    launch: Launch
    failed: str
    extra: str
    purpose: str
    interpreter_hint: str = ""
    timeout_hint: str = ""


@contextmanager
def borrowed(tool: Tool) -> Iterator[Worker]:
    """A worker for as long as the context lasts.

    Raises:
        BackendError: it cannot be started, crashes, or takes too much, or the library fails.
        OutputError: there is no place for its files.
        MissingDependencyError: its interpreter lacks the library.
    """
    title = tool.launch.title
    worker = _taken(tool)
    try:
        yield worker
    except MissingLibraryError as error:
        raise MissingDependencyError(
            str(error).partition(".")[0], tool.extra, tool.purpose, tool.launch.interpreter
        ) from error
    except TaskError as error:
        raise BackendError(f"{tool.failed} ({_MORE})", id="backend-tool-failed") from error
    except WorkerError as error:
        hint = tool.timeout_hint if isinstance(error, OvertimeError) else ""
        error.add_note(error.log)
        raise BackendError(f"{title} {error}{_in_brackets(hint or _MORE)}", id="backend-tool-failed") from error
    finally:
        pool.give_back(worker)


def _taken(tool: Tool) -> Worker:
    title, interpreter = tool.launch.title, tool.launch.interpreter
    try:
        return pool.take(tool.launch)
    except OSError as error:
        reason = error.strerror or str(error)
        if interpreter and error.filename == interpreter:
            raise BackendError(
                f"{title} needs a Python interpreter, but {interpreter!r} cannot be started:"
                f" {reason}{_in_brackets(tool.interpreter_hint)}",
                id="backend-python-missing",
            ) from error
        raise OutputError(
            f"{title} cannot write its temporary files: {reason} (set TMPDIR to use another folder)",
            id="temporary-folder-unusable",
        ) from error


def _in_brackets(hint: str) -> str:
    return f" ({hint})" if hint else ""

"""Runs a command and turns what leaves it into one sentence and an exit status."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dlpuconv.cli.console import fail
from dlpuconv.cli.interruption import INTERRUPTED, Stopped, stop_signals
from dlpuconv.cli.streams import streams
from dlpuconv.errors import BackendError, DlpuconvError, OutputError, PluginError, error_json
from dlpuconv.language.printable import printable_json, printable_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_INTERNAL = 10
_COMPLETE = "_DLPUCONV_COMPLETE"  # is set by the shell's script of typer
TRACEBACK = "DLPUCONV_TRACEBACK"
"""Set this environment variable to see where an internal error, or a plugin's, came from."""


class _Failure(NamedTuple):
    """What is told of an error."""

    kind: str
    message: str
    status: int
    id: str = ""
    problems: tuple[str, ...] = ()


def status_of(arguments: list[str]) -> int:
    """Run the command line, and tell an error.

    Args:
        arguments: without the program's name.

    Returns:
        The exit status.
    """
    return settled(lambda: _run(arguments), arguments)


def settled(run: Callable[[], int], arguments: Sequence[str] = ()) -> int:
    """Run what a command does; what leaves it becomes one sentence on stderr and an exit status.

    Args:
        run: gives the exit status where nothing fails.
        arguments: of the command line; with `--json` among them, a failure is printed on stdout as well.
    """
    with streams:
        try:
            return run()
        except DlpuconvError as error:
            if isinstance(error, (BackendError, PluginError)):
                _show_traceback(error)  # with what another tool said; for the plugin's author
            failure = _Failure(error.kind, str(error), error.status, error.id, error.problems)
        except (Stopped, KeyboardInterrupt):
            stop_signals.ignore()
            failure = _Failure("Interrupted", "interrupted", INTERRUPTED)
        except MemoryError:
            text = "there is not enough memory for this"
            failure = _Failure(OutputError.__name__, text, OutputError.status, "memory-exhausted")
        except OSError as error:
            failure = _Failure(OutputError.__name__, _system_sentence(error), OutputError.status, "system-refused")
        except Exception as error:  # noqa: BLE001 - the last resort: a bug must not look like a failed verification
            failure = _Failure("InternalError", _internal_sentence(error), _INTERNAL, "internal-error")
        if stop_signals.status is not None:  # a native library's start-up makes an error of its own of an interruption
            failure = _Failure("Interrupted", "interrupted", stop_signals.status)
        _print_error(arguments, failure)
        return failure.status


def _system_sentence(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    return f"the operating system reported an error: {error.strerror or error}{where}; nothing was written"


def _internal_sentence(error: Exception) -> str:
    _show_traceback(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"internal error in {Path(last.filename).name}:{last.lineno}: {type(error).__name__}: {error};"
        f" please report it with the output that {TRACEBACK}=1 adds"
    )


def _show_traceback(error: Exception) -> None:
    if os.environ.get(TRACEBACK):
        print(printable_lines("".join(traceback.format_exception(error))), end="", file=sys.stderr)


def _run(arguments: list[str]) -> int:
    """Parse and run."""
    import typer

    from dlpuconv.cli.app import app
    from dlpuconv.cli.usage import usage_id, usage_sentence

    if _COMPLETE in os.environ:
        _keep_descriptions_whole()
    try:
        status = int(app(args=arguments, prog_name="dlpuconv", standalone_mode=False) or 0)
    except typer.TyperException as error:
        _print_error(arguments, _Failure("UsageError", usage_sentence(error), error.exit_code, usage_id(error)))
        return error.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    if status == INTERRUPTED:  # typer swallows the exception
        raise KeyboardInterrupt
    streams.check()
    return status


def _keep_descriptions_whole() -> None:
    """Typer wraps what it tells of a candidate, and a shell would take the second line for another candidate."""
    from typer import rich_utils

    rich_utils.MAX_WIDTH = 10_000


def _print_error(arguments: Sequence[str], failure: _Failure) -> None:
    if "--json" in arguments:
        problems = failure.problems or (failure.message,)
        told = error_json(failure.kind, failure.message, failure.status, problems, failure.id)
        print(printable_json({"error": told}))
    fail(failure.message, failure.id)

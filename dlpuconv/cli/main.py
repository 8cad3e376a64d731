"""The entry point: runs a command and turns what leaves it into one sentence and an exit status."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.cli.interruption import INTERRUPTED, Stopped, stop_signals
from dlpuconv.errors import DlpuconvError, OutputError, PluginError
from dlpuconv.printable import printable, printable_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_INTERNAL = 10
TRACEBACK = "DLPUCONV_TRACEBACK"
"""Set this environment variable to see where an internal error, or a plugin's, came from."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; `sys.argv` if None.

    Returns:
        The exit status: 0 ok, 1 verification failed, 2 usage, 10 internal error, 130 interrupted, 143 terminated,
        others by error class.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    return settled(lambda: _run(arguments), arguments)


def settled(run: Callable[[], int], arguments: Sequence[str] = ()) -> int:
    """Run what a command does; what leaves it becomes one sentence on stderr and an exit status.

    Args:
        run: gives the exit status where nothing fails.
        arguments: of the command line; with `--json` among them, a failure is printed on stdout as well.
    """
    # Before numpy is loaded: its threads spin against those of LiteRT and ONNX Runtime, which makes learned rounding
    # three times slower, and sums in another order would choose other codes on another number of processors.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with stop_signals:
        try:
            return run()
        except DlpuconvError as error:
            if isinstance(error, PluginError) and os.environ.get(TRACEBACK):
                traceback.print_exception(error)  # for the plugin's author
            failure = (error.kind, str(error), error.status)
        except (Stopped, KeyboardInterrupt):
            failure = ("Interrupted", "interrupted", INTERRUPTED)
        except BrokenPipeError:
            sys.stderr.close()  # the reader of our output went away, as `head` does: nobody is left to tell
            return 0
        except OSError as error:
            failure = (OutputError.__name__, _system_sentence(error), OutputError.status)
        except Exception as error:  # noqa: BLE001 - the last resort: a bug must not look like a failed verification
            failure = ("InternalError", _internal_sentence(error), _INTERNAL)
    if stop_signals.status is not None:  # a native library's start-up turns the interruption into an error of its own
        failure = ("Interrupted", "interrupted", stop_signals.status)
    _print_error(arguments, *failure)
    return failure[2]


def _system_sentence(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    return f"the operating system refused to go on: {error.strerror or error}{where}; nothing was written"


def _internal_sentence(error: Exception) -> str:
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"internal error in {Path(last.filename).name}:{last.lineno}: {type(error).__name__}: {error};"
        f" please report it with the output that {TRACEBACK}=1 adds"
    )


def _run(arguments: list[str]) -> int:
    """Parse and run; imported here so that Ctrl-C is one word from the first moment on."""
    import typer

    from dlpuconv.cli.app import app
    from dlpuconv.cli.usage import usage_sentence

    try:
        status = int(app(args=arguments, prog_name="dlpuconv", standalone_mode=False) or 0)
    except typer.TyperException as error:
        _print_error(arguments, "UsageError", usage_sentence(error), error.exit_code)
        return error.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    if status == INTERRUPTED:  # typer swallows the exception
        raise KeyboardInterrupt
    return status


def _print_error(arguments: Sequence[str], kind: str, message: str, status: int) -> None:
    if "--json" in arguments:
        print(printable_json({"error": {"type": kind, "message": message, "status": status}}))
    print(f"error: {printable(message)}", file=sys.stderr)

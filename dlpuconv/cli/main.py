"""The entry point: imports next to nothing, so that Ctrl-C is one word from the first moment on."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from dlpuconv.cli.interruption import INTERRUPTED, Stopped, stop_signals

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; `sys.argv` if None.

    Returns:
        The exit status: 0 ok, 1 verification failed, 2 usage, 10 internal error, 128 and a signal's number where one
        stopped the command (130: Ctrl-C), others by error class.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Before numpy is loaded: its threads spin against those of LiteRT and ONNX Runtime, which makes learned rounding
    # three times slower, and sums in another order would choose other codes on another number of processors.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with stop_signals:
        try:
            from dlpuconv.cli.ending import status_of

            return status_of(arguments)
        except (Stopped, KeyboardInterrupt):  # while that was imported, or something was told
            stop_signals.ignore()
            print("error: interrupted", file=sys.stderr)
            return stop_signals.status or INTERRUPTED

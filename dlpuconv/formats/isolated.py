"""Runs a script that calls a library which trusts its input, in a process of its own: it may end there, not here."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def run_isolated(script: Path, *arguments: str, content: bytes = b"", seconds: float) -> tuple[int | None, bytes]:
    """Run a script with this interpreter.

    Args:
        script: a file that puts this project on its path itself where it imports any of it.
        arguments: of the script.
        content: what it reads.
        seconds: how long it is waited for.

    Returns:
        Its exit status (negative: the signal that ended it; None: it took too long) and what it wrote.

    Raises:
        OSError: no process can be had.
    """
    command = [sys.executable, "-P", str(script), *arguments]  # -P: modules beside the script hide no others
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return None, b""
    return done.returncode, done.stdout

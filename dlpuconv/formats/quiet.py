"""Keep native libraries from printing: what they write to stderr passes by `sys.stderr`."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STDERR = 2


@contextmanager
def quiet_native_libraries() -> Iterator[None]:
    """Drop what is written to the process's standard error inside the `with` block.

    For short blocks around a library's constructor only: other threads are silenced as well.
    """
    saved = os.dup(_STDERR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, _STDERR)
        yield
    finally:
        os.dup2(saved, _STDERR)
        os.close(saved)
        os.close(nowhere)

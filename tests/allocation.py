"""How much memory some code asks for."""

from __future__ import annotations

import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def allocated_at_most(size: int) -> Iterator[None]:
    """Fails where Python and NumPy hold more bytes at a time than that, beside what they held before.

    What the process takes of the system is another thing: that depends on what ran before, and on when garbage goes.
    """
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= size, f"{peak} bytes were held at a time"

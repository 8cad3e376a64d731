"""A limit on memory for a call into a library that trusts its input."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = 2**28
"""Bytes that ONNX may take beyond what the process has."""

_USED = Path("/proc/self/statm")


@contextmanager
def at_most(extra: int) -> Iterator[None]:
    """Let the process have this many bytes more than it has now; allocations beyond fail within.

    ONNX's inference makes a Reshape's target as long as the file says, and there is no telling which operators do so.
    Only where the system can count and limit (Linux); elsewhere nothing happens.
    """
    try:
        import resource

        used = int(_USED.read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError, ValueError):
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limits = [limit for limit in (used + extra, soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

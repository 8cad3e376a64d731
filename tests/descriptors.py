"""Counts what this process has open."""

from __future__ import annotations

import gc
import os


def open_descriptors() -> int:
    """Descriptors of this process, once those of objects that nobody has any more are closed."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))

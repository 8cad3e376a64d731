"""What takes minutes is made once a run of all tests, whichever worker comes first: another one reads what it made."""

from __future__ import annotations

import fcntl
import os
import pickle
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def once[T](name: str, folders: pytest.TempPathFactory, make: Callable[[], T]) -> T:
    """What `make` returns; it is called by one worker of this run, and the others wait for it.

    Args:
        name: of it, for no other thing.
        folders: of this worker.
        make: returns what can be pickled. Where it fails, the next who asks tries again.
    """
    own = folders.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = shared / f"{name}.pickle"
        if not kept.exists():
            made = make()
            unfinished = kept.with_suffix(".unfinished")
            unfinished.write_bytes(pickle.dumps(made))
            unfinished.rename(kept)
        found: T = pickle.loads(kept.read_bytes())  # ours, of this run
    return found

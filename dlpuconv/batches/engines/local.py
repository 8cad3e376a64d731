"""This machine: a thread for each job that runs, which waits for the process that converts.

Most of a conversion computes in one thread, so a machine's processors are best used by as many jobs, of one thread
each: on two processors, two jobs of one thread each take less time than one job of two threads after the other.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dlpuconv.batches.engines.engine import Engine
from dlpuconv.batches.processes import Running, serve

if TYPE_CHECKING:
    from collections.abc import Iterator


def processors() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def local_engine(workers: int | None = None) -> Iterator[Engine]:
    """Jobs in processes of this machine, which end with the context.

    Args:
        workers: jobs at the same time; one for each processor if None.
    """
    slots = workers or processors()
    running = Running()
    pool = ThreadPoolExecutor(slots, "job", initializer=serve, initargs=(running,))
    name = f"{slots} process{'es' * (slots > 1)} of this machine"
    try:
        yield Engine(name=name, executor=pool, slots=slots, threads=max(1, processors() // slots))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        running.close()
        pool.shutdown()

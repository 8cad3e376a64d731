"""`--executor`: a word for an engine becomes the engine."""

from __future__ import annotations

import re
import sys
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext, redirect_stdout
from functools import partial
from typing import TYPE_CHECKING

from dlpuconv.batches.engines.engine import Engine
from dlpuconv.batches.engines.local import local_engine, processors
from dlpuconv.errors import BackendError, UsageError, did_you_mean
from dlpuconv.named_function import first_line, named_function, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

_DASK = "dask"
_OWN = "own"
_EXAMPLE = "cluster:make_executor"


def open_engine(engine: str | Executor = "", workers: int | None = None) -> AbstractContextManager[Engine]:
    """An engine for the time of a context.

    Args:
        engine: empty or `own` for processes of this machine; `dask` for a Dask cluster of this machine;
            `dask://host:port` for one that runs; `module:factory`, whose function returns any executor; or an executor
            itself, which stays open.
        workers: jobs at the same time; the engine's own number if None.

    Raises:
        UsageError: there is no such engine.
        MissingDependencyError: a library for it is missing.
        BackendError: it cannot be had.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"--workers {workers} is too few: give 1 or more", id="option-value")
    if isinstance(engine, Executor):
        return nullcontext(_of_executor(engine, type(engine).__name__, workers))
    text = engine
    if text in ("", _OWN):
        return local_engine(workers)
    if text == _DASK or text.startswith(f"{_DASK}://"):
        from dlpuconv.batches.engines.cluster import cluster_engine

        return cluster_engine(_address(text), workers)
    if ":" not in text or "://" in text:
        known = (_OWN, _DASK, f"{_DASK}://host:port", "module:factory")
        raise UsageError(
            f"--executor {text!r} is not one of {', '.join(known)}{did_you_mean(text, known)}", id="option-value"
        )
    return _named_engine(text, workers)


def _address(text: str) -> str:
    """Of the scheduler; empty where a cluster of this machine is asked for."""
    address = text.removeprefix(_DASK).removeprefix("://")
    if text != _DASK and not re.fullmatch(r".+:\d+", address):
        raise UsageError(
            f"--executor {text!r} lacks the scheduler's {'port' if address else 'host and port'}: give the address that"
            f" the scheduler prints, such as {_DASK}://{address or 'host'}:8786",
            id="option-value",
        )
    return address


@contextmanager
def _named_engine(text: str, workers: int | None) -> Iterator[Engine]:
    factory = named_function("--executor", text, _EXAMPLE, partial(BackendError, id="executor-failed"))

    def make() -> Executor:
        return _made(text, factory)

    engine = _of_executor(make(), text, workers)
    engine.again = make
    try:
        yield engine
    finally:
        engine.executor.shutdown(wait=True, cancel_futures=True)


def _of_executor(executor: Executor, name: str, workers: int | None) -> Engine:
    """Nothing is known of its workers, but what most executors of Python's own kind tell."""
    told = getattr(executor, "_max_workers", None)
    slots = workers or (told if isinstance(told, int) and told > 0 else processors())
    return Engine(name=f"the executor {name}", executor=executor, slots=slots, limit=workers, distant=True)


def _made(text: str, factory: Callable[[], object]) -> Executor:
    try:
        with redirect_stdout(sys.stderr):  # standard output is for results
            made = factory()
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise BackendError(
            f"--executor {text} failed{place_of(error)}: {first_line(error)}", id="executor-failed"
        ) from error
    if isinstance(made, type):
        raise UsageError(
            f"--executor {text} returned the class {made.__name__}, where an object of one is needed",
            id="executor-wrong-type",
        )
    if not isinstance(made, Executor):
        raise UsageError(
            f"--executor {text} returned a {type(made).__name__}, where a concurrent.futures.Executor is needed",
            id="executor-wrong-type",
        )
    if type(made).submit is Executor.submit:
        raise UsageError(
            f"--executor {text} returned a {type(made).__name__}, which has no method submit of its own",
            id="executor-wrong-type",
        )
    return made

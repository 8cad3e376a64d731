"""Whether it works: a worker converts a network of one layer for each target."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.doctor.findings import Compiler, Fault, TargetHealth
from dlpuconv.isolation import Attendant, Launch, Limits, WorkerError, pool
from dlpuconv.registry import list_targets, load_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.display.progress import Progress
    from dlpuconv.isolation.messages import Message
    from dlpuconv.plugin import Target

_LAUNCH = Launch(title="the worker of the examination", tasks=Path(__file__).with_name("trial.py"))
_LIMITS = Limits(memory=1 << 40, seconds=300)  # it is our own code on our own model: no more than an end is wanted


def end_trials() -> None:
    """End the worker: it has the environment of its start, and others may follow."""
    pool.drop(_LAUNCH)


class UnansweredError(Exception):
    """No worker answers; `str` says why, as half a sentence."""


def try_targets(names: tuple[str, ...], progress: Progress) -> tuple[TargetHealth, ...]:
    """Convert for each of these targets.

    Args:
        names: of installed targets, or of files that describe some.
        progress: is told of each.

    Raises:
        PluginError: there is no target of a name, or it cannot be loaded.
        UsageError: a file describes none.
    """
    targets = [(name, load_target(name)) for name in names]
    with progress.stage("trying the targets", len(targets)) as step:
        healths = []
        for name, target in targets:
            healths.append(_health(name, target))
            step()
    return tuple(healths)


def faults() -> tuple[Fault, ...]:
    """Plugins that do not load, built-in ones that lack an extra aside."""
    return tuple(_faults())


def _faults() -> Iterator[Fault]:
    for entry in list_targets():
        if entry.target is None:
            yield Fault(plugin=f"the target {entry.name!r} (distribution {entry.distribution})", problem=entry.problem)
    try:
        problems = _ask("backends").facts["problems"]
    except UnansweredError as error:
        yield Fault(plugin="the workers", problem=str(error))
    else:
        for name, problem in problems.items():
            yield Fault(plugin=f"the backend {name!r}", problem=problem)


def _health(name: str, target: Target) -> TargetHealth:
    compiler = None
    if target.compiler:
        executable = target.compiler.executable
        compiler = Compiler(executable=executable, path=shutil.which(executable) or "")
    try:
        told = _ask("convert", target=name).facts
    except UnansweredError as error:
        return TargetHealth(name=target.name, backend=target.backend, problem=str(error), compiler=compiler)
    return TargetHealth(
        name=target.name,
        backend=target.backend,
        problem=told["obstacle"],
        remedy=told["remedy"],
        attendants=tuple(Attendant(**attendant) for attendant in told["attendants"]),
        compiler=compiler,
    )


def _ask(task: str, target: str = "") -> Message:
    """The worker's answer.

    Raises:
        UnansweredError: there is none.
    """
    try:
        with pool.borrowed(_LAUNCH) as worker:
            return worker.ask(task, _LIMITS, target=target)
    except WorkerError as error:
        raise UnansweredError(f"{_LAUNCH.title} {error}" + (f": {error.log}" if error.log else "")) from error
    except OSError as error:
        raise UnansweredError(f"no worker can be started: {error.strerror or error}") from error
    except ImportError as error:  # NumPy, which carries what they are told
        raise UnansweredError(f"no worker can be asked: {error}") from error

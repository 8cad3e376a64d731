"""The backends of a run: found fit for their targets, started, and closed come what may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import PluginError, UsageError
from dlpuconv.registry import load_backend

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import ExitStack

    from dlpuconv.display.progress import Progress
    from dlpuconv.plugin import Backend, InterfaceOptions, Target
    from dlpuconv.workflow.request import Request


def started_backends(
    request: Request, targets: Iterable[Target], stack: ExitStack, progress: Progress
) -> Iterator[tuple[Backend, list[Target]]]:
    """One started backend for each group of targets that share a job; closed with the stack, come what may."""
    groups: dict[tuple[str, InterfaceOptions], list[Target]] = {}
    for target in targets:
        groups.setdefault((request.backend or target.backend, request.interface_for(target)), []).append(target)
    kinds = {name: load_backend(name) for name, _ in groups}
    for (name, _), theirs in groups.items():
        _demand_fitting(kinds[name], theirs)
    for (name, _), theirs in groups.items():
        backend = kinds[name]()
        stack.callback(_close, backend, progress)
        if request.starts_early:
            backend.warm_up()
        yield backend, theirs


def _close(backend: Backend, progress: Progress) -> None:
    """End a backend; one that cannot even do that takes no result with it."""
    try:
        backend.close()
    except PluginError as error:
        progress.message(str(error))


def _demand_fitting(backend: type[Backend], targets: list[Target]) -> None:
    """Refuse, before any work, a backend whose files some target has no use for.

    Raises:
        UsageError: their numbers or their form differ from what a target takes, and the user asked for the backend.
        PluginError: likewise, and the target itself did.
    """
    for target in targets:
        for takes, makes in _differences(backend, target):
            if backend.name == target.backend:
                raise PluginError(
                    f"{target.called} takes {takes}, but its backend {backend.name} makes {makes}", id="plugin-contract"
                )
            raise UsageError(
                f"{target.name} takes {takes}; the {backend.name} backend makes {makes} (without --backend,"
                f" {target.name} gets its own: {target.backend})",
                id="backend-numbers",
            )


def _differences(backend: type[Backend], target: Target) -> Iterator[tuple[str, str]]:
    """What a target takes beside what a backend makes instead."""
    if backend.numbers not in (None, target.scheme.numbers):
        yield f"{target.scheme.numbers} files", f"{backend.numbers} ones"
    if backend.suffix not in (None, target.suffix):
        takes, makes = (f"{suffix} files" if suffix else "folders" for suffix in (target.suffix, backend.suffix))
        yield takes, makes

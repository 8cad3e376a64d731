"""targets -> Examination."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dlpuconv
from dlpuconv.doctor.findings import Examination
from dlpuconv.doctor.libraries import core_libraries, extras
from dlpuconv.doctor.places import cache, machine, temporary
from dlpuconv.doctor.trials import end_trials, faults, try_targets
from dlpuconv.registry import list_targets

if TYPE_CHECKING:
    from dlpuconv.display.progress import Progress


def examine(targets: tuple[str, ...], progress: Progress) -> Examination:
    """Look at what is installed, and try whether it works.

    Args:
        targets: to be tried; empty: all that are installed and can be loaded.
        progress: is told of the trials.

    Raises:
        PluginError: there is no target of a name, or it cannot be loaded.
        UsageError: a file describes no target.
    """
    names = targets or tuple(entry.name for entry in list_targets() if entry.target)
    try:
        tried, broken = try_targets(names, progress), faults()
    finally:
        end_trials()
    return Examination(
        version=dlpuconv.__version__,
        machine=machine(),
        libraries=core_libraries(),
        extras=extras(),
        targets=tried,
        faults=broken,
        cache=cache(),
        temporary=temporary(),
    )

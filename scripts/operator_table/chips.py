"""Where each chip would run a model, told by the drafts of the files that the chips would get."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Final

from dlpuconv.calibration import Preprocessing
from dlpuconv.checkup import judge_draft
from dlpuconv.checkup.result import CheckOutcome
from dlpuconv.display.progress import Silent
from dlpuconv.errors import DlpuconvError, UnsupportedModelError
from dlpuconv.files.keep import NOTHING
from dlpuconv.placement import Processor
from dlpuconv.plugin import Job
from dlpuconv.plugin.job import InterfaceOptions
from dlpuconv.registry import load_backend, load_target

if TYPE_CHECKING:
    from dlpuconv.plugin import Target
    from scripts.operator_table.trial import Normal

CHIPS: Final = ("artpec7", "artpec8", "artpec9", "cv25")


class Place(StrEnum):
    """Where a model runs."""

    ACCELERATOR = "DLPU"
    UNLISTED = "DLPU?"
    """On the accelerator as far as anybody knows: no public list of the chip's maker has all of its operators."""
    BOTH = "split"
    CPU = "CPU"
    TAIL = "tail"
    """In no file of the chip: a network is cut there, and the camera's CPU runs the rest."""
    NOWHERE = "no"


def places(normal: Normal) -> dict[str, Place]:
    """By chip."""
    found: dict[str, Place] = {}
    targets = [load_target(name) for name in CHIPS]
    for backend in dict.fromkeys(target.backend for target in targets):
        found |= _of_backend(backend, [target for target in targets if target.backend == backend], normal)
    return found


def job_of(normal: Normal, targets: list[Target]) -> Job:
    """What a backend gets, without samples."""
    return Job(
        model=normal.model,
        bindings={},
        calibration=None,
        preprocessing=Preprocessing(),
        interface=InterfaceOptions(),
        workspace=Path(gettempdir()),
        cache=NOTHING,
        progress=Silent(),
        names=normal.names,
        spellings=frozenset(target.spelling for target in targets),
    )


def _of_backend(backend: str, targets: list[Target], normal: Normal) -> dict[str, Place]:
    try:
        drafts = load_backend(backend)().draft(job_of(normal, targets), targets)
    except UnsupportedModelError as error:
        return dict.fromkeys((target.name for target in targets), Place.TAIL if error.refused else Place.NOWHERE)
    except DlpuconvError:
        return dict.fromkeys((target.name for target in targets), Place.NOWHERE)
    found = {}
    for draft, target in zip(drafts, targets, strict=True):
        checkup = judge_draft(draft, target)
        layers = checkup.placement.layers if checkup.placement else ()
        runs = {layer.processor for layer in layers}
        if checkup.outcome is CheckOutcome.FAILS:
            found[target.name] = Place.NOWHERE
        elif runs == {Processor.CPU, Processor.DLPU}:
            found[target.name] = Place.BOTH
        elif runs == {Processor.CPU}:
            found[target.name] = Place.CPU
        else:
            found[target.name] = Place.ACCELERATOR if all(layer.certain for layer in layers) else Place.UNLISTED
    return found

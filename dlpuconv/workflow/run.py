"""What every stage of one run shares, and what it takes to begin: the model and the data read, backends started."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dlpuconv.calibration import open_calibration
from dlpuconv.calibration.open import UNMEASURED
from dlpuconv.display.progress import Silent
from dlpuconv.errors import CalibrationError, UnsupportedModelError, UsageError
from dlpuconv.files import scratch
from dlpuconv.files.keep import KeptFolder
from dlpuconv.registry import load_target
from dlpuconv.verification.kinds.stated import demand_outputs
from dlpuconv.workflow.backends import started_backends
from dlpuconv.workflow.dividing import ROUNDS, Divider
from dlpuconv.workflow.endings import choose_endings
from dlpuconv.workflow.scoring import yardstick_of
from dlpuconv.workflow.stated import demand_stated_ranges, pixels_of
from dlpuconv.workflow.stopwatch import Stopwatch
from dlpuconv.workflow.subject import subject_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dlpuconv.calibration import Calibration
    from dlpuconv.display.progress import Progress
    from dlpuconv.division.division import Division
    from dlpuconv.ir import Model, Signature
    from dlpuconv.passes import NormalFormReport
    from dlpuconv.plugin import Backend, Target
    from dlpuconv.verification.misfit import Misfit
    from dlpuconv.workflow.dividing import Reading
    from dlpuconv.workflow.metric import Yardstick
    from dlpuconv.workflow.request import Request
    from dlpuconv.workflow.subject import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What the user gives beside the model; anything that `open_calibration` and `load` read."""

    calibration: Any = None
    validation: Any = None
    example_inputs: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What every stage of one run shares.

    Attributes:
        request: what is wanted.
        targets: in the order that results are wanted.
        subject: the network and its samples; another one where it had to be divided.
        divider: divides the user's network.
        signature: of the user's network.
        samples: of the user's network, or None.
        backends: started ones, each with its targets.
        yardstick: the user's own metric, or None.
        workspace: a private temporary folder.
        progress: where long work reports.
        clock: counts the stages' time.
    """

    request: Request
    targets: tuple[Target, ...]
    subject: Subject
    divider: Divider
    signature: Signature
    samples: Calibration | None
    backends: tuple[tuple[Backend, list[Target]], ...]
    yardstick: Yardstick | None
    workspace: Path
    progress: Progress
    clock: Stopwatch

    @property
    def source(self) -> Model:
        """The model as it was read, or the chip's part of it."""
        return self.subject.source

    @property
    def normal(self) -> Model:
        """The network in normal form."""
        return self.subject.normal

    @property
    def rewritten(self) -> NormalFormReport:
        """The rewrites that led to the normal form."""
        return self.subject.rewritten

    @property
    def calibration(self) -> Calibration | None:
        """Calibration samples of the network, or None."""
        return self.subject.calibration

    @property
    def misfits(self) -> tuple[Misfit, ...]:
        """Inputs that these samples, normalized as stated, feed in another way than the network was trained on."""
        return self.subject.misfits

    @property
    def division(self) -> Division | None:
        """How the network was divided; None where the chip gets all of it."""
        return self.subject.division

    def divided(self, error: UnsupportedModelError) -> Run:
        """The same for a chip's part without what was refused; see `Divider.divided`.

        Raises:
            UnsupportedModelError: this refusal, where no division helps.
        """
        with self.clock("divide"), self.progress.stage("dividing the network"):
            reading = self.divider.divided(error, self.division)
        subject = _subject(self.divider, reading, self.samples, self.request, self.clock)
        with self.clock("final activations"):
            endings = choose_endings(subject, self.request, self.targets, self.progress)
        return replace(self, subject=replace(subject, endings=endings))


@contextmanager
def opened(
    model: Any, request: Request, data: Data, progress: Progress | None, *, calibrates: bool = False
) -> Iterator[Run]:
    """Read the model and the data, with backends started meanwhile; all is closed afterwards, come what may.

    Args:
        model: anything that `frontends.load` reads.
        request: what is wanted.
        data: samples and example inputs.
        progress: where long work reports; nowhere if None.
        calibrates: integer files are to be made, which takes samples unless the model states its scales.

    Raises:
        CalibrationError: there are none.
        DlpuconvError: the model, the data or the request cannot be used.
    """
    progress = progress or Silent()
    clock = Stopwatch()
    targets = targets_of(request)
    _clean_up_after_the_dead(request)
    with ExitStack() as stack:
        workspace = stack.enter_context(scratch.temporary_folder("files"))
        backends = tuple(started_backends(request, targets, stack, progress))
        divider = Divider(model, data.example_inputs, request, targets)
        with clock("read"), progress.stage("reading the model"):
            reading = divider.read()
        if calibrates:
            data = _calibrated(data, request, reading)
        pixels = pixels_of(reading.source, reading.signature, request.preprocessing)
        request = replace(request, preprocessing=pixels)
        demand_outputs(request.verification.kinds, reading.outputs)
        with clock("metric of the source"):
            yardstick = yardstick_of(request, reading, progress)
        with clock("calibration data"):
            samples = open_calibration(
                data.calibration,
                validation=data.validation,
                signature=reading.signature,
                preprocessing=request.preprocessing,
                progress=progress,
            )
            demand_stated_ranges(reading.source, reading.signature, samples, pixels)
        subject = _subject(divider, reading, samples, request, clock)
        with clock("final activations"):
            subject = replace(subject, endings=choose_endings(subject, request, targets, progress))
        for misfit in subject.misfits:  # told at once: what follows takes long, and is in vain
            progress.message(
                f"the normalization of {misfit.input!r} is probably not that of the training: {misfit.detail}"
            )
        yield Run(
            request=request,
            targets=targets,
            subject=subject,
            divider=divider,
            signature=reading.signature,
            samples=samples,
            backends=backends,
            yardstick=yardstick,
            workspace=workspace,
            progress=progress,
            clock=clock,
        )


def _subject(
    divider: Divider, reading: Reading, samples: Calibration | None, request: Request, clock: Stopwatch
) -> Subject:
    """What was read in normal form; a smaller part of it where operators of it have none.

    Raises:
        UnsupportedModelError: they have none, and no division helps.
    """
    while True:
        try:
            return subject_of(reading.source, reading.division, samples, request, clock)
        except UnsupportedModelError as error:
            reading = divider.divided(error, reading.division)


def targets_of(request: Request) -> tuple[Target, ...]:
    """The targets of a request, each once.

    Raises:
        PluginError: one cannot be loaded.
        UsageError: one is a file that describes none, or two files describe one of the same name.
    """
    found: dict[str, Target] = {}
    for named in dict.fromkeys(request.targets):
        target = load_target(named)
        if target.name in found:
            raise UsageError(
                f"{named} and another target are both called {target.name!r}: rename one of them", id="target-twice"
            )
        found[target.name] = target
    return tuple(found.values())


def _clean_up_after_the_dead(request: Request) -> None:
    """Runs that were killed could not."""
    scratch.sweep()
    if isinstance(request.cache, KeptFolder):
        request.cache.sweep()


def dividing[T](run: Run, work: Callable[[Run], T]) -> tuple[Run, T]:
    """Do work on a network and, where operators of it are refused, on the chip's part of it.

    Args:
        run: of the network.
        work: what is to be done; again with a smaller part, each time that it refuses something.

    Returns:
        The run that it was done with, and what came of it.

    Raises:
        UnsupportedModelError: a refusal that no division helps against.
    """
    for _ in range(ROUNDS):
        try:
            return run, work(run)
        except UnsupportedModelError as error:
            run = run.divided(error)
    return run, work(run)


def _calibrated(data: Data, request: Request, reading: Reading) -> Data:
    """The data with samples for every target that needs some; a model that states its scales needs none.

    Raises:
        CalibrationError: there are none.
    """
    needy = [target.name for target in targets_of(request) if target.calibration_required]
    if needy and data.calibration is None and reading.source.scales:
        return replace(data, calibration=UNMEASURED)
    if needy and data.calibration is None:  # validation data alone calibrates nothing
        raise CalibrationError(
            f"{', '.join(needy)} needs calibration data: give --calibration a folder of about 100 images or an .npz"
            " (or --calibration none, which measures ranges on synthetic images, at a loss of accuracy)",
            id="calibration-needed",
        )
    return data

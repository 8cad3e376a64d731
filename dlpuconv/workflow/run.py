"""What every stage of one run shares, and what it takes to begin: the model and the data read, backends started."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlpuconv.calibration import Origin, StatisticsCache, open_calibration
from dlpuconv.display.progress import Silent
from dlpuconv.errors import CalibrationError, PluginError, UsageError
from dlpuconv.files import scratch
from dlpuconv.frontends import load
from dlpuconv.input_fit import find_misfits
from dlpuconv.ir.source_names import source_names
from dlpuconv.passes import fold_preprocessing, normalize
from dlpuconv.plugin import Job
from dlpuconv.registry import load_backend, load_target
from dlpuconv.scheme import Numbers
from dlpuconv.workflow.scoring import yardstick_of
from dlpuconv.workflow.stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from dlpuconv.calibration import Calibration
    from dlpuconv.display.progress import Progress
    from dlpuconv.ir import Model
    from dlpuconv.ir.moments import Moments
    from dlpuconv.passes import FoldResult, NormalFormReport
    from dlpuconv.plugin import Backend, InterfaceOptions, Prepared, Target
    from dlpuconv.verification.misfit import Misfit
    from dlpuconv.workflow.metric import Yardstick
    from dlpuconv.workflow.request import Request


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
        source: the model as it was read.
        normal: in normal form.
        rewritten: how it came to that.
        backends: started ones, each with its targets.
        calibration: samples, or None.
        misfits: inputs that these samples, normalized as stated, feed in another way than the network was trained on.
        yardstick: the user's own metric, or None.
        workspace: a private temporary folder.
        progress: where long work reports.
        clock: counts the stages' time.
    """

    request: Request
    targets: tuple[Target, ...]
    source: Model
    normal: Model
    rewritten: NormalFormReport
    backends: tuple[tuple[Backend, list[Target]], ...]
    calibration: Calibration | None
    misfits: tuple[Misfit, ...]
    yardstick: Yardstick | None
    workspace: Path
    progress: Progress
    clock: Stopwatch


@contextmanager
def opened(model: Any, request: Request, data: Data, progress: Progress | None) -> Iterator[Run]:
    """Read the model and the data, with backends started meanwhile; all is closed afterwards, come what may."""
    progress = progress or Silent()
    clock = Stopwatch()
    targets = targets_of(request)
    _clean_up_after_the_dead(request)
    with ExitStack() as stack:
        workspace = stack.enter_context(scratch.temporary_folder("files"))
        backends = tuple(_backends(request, targets, stack, progress))
        with clock("read"), progress.stage("reading the model"):
            source = load(model, request.source, example_inputs=data.example_inputs)
        with clock("metric of the source"):
            yardstick = yardstick_of(request, source, progress)
        with clock("normal form"):
            normal, rewritten = normalize(source)
        with clock("calibration data"):
            calibration = open_calibration(
                data.calibration,
                validation=data.validation,
                signature=source.signature,
                preprocessing=request.preprocessing,
                progress=progress,
            )
        with clock("what the network is fed"):
            misfits = _misfits(source, normal, calibration, request, progress)
        yield Run(
            request=request,
            targets=targets,
            source=source,
            normal=normal,
            rewritten=rewritten,
            backends=backends,
            calibration=calibration,
            misfits=misfits,
            yardstick=yardstick,
            workspace=workspace,
            progress=progress,
            clock=clock,
        )


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
            raise UsageError(f"{named} and another target are both called {target.name!r}: rename one of them")
        found[target.name] = target
    return tuple(found.values())


def _clean_up_after_the_dead(request: Request) -> None:
    """Runs that were killed could not."""
    scratch.sweep()
    StatisticsCache(request.cache).sweep()


def _misfits(
    source: Model, normal: Model, calibration: Calibration | None, request: Request, progress: Progress
) -> tuple[Misfit, ...]:
    """Inputs that are fed wrongly, told at once: what follows takes long, and is in vain."""
    samples = calibration and (calibration.fit if len(calibration.fit) else calibration.held_out)
    found = find_misfits(source, normal, samples, request.preprocessing) if samples else ()
    for misfit in found:
        progress.message(f"{misfit.input!r} is probably not fed what the network was trained on: {misfit.detail}")
    return found


def prepare(backend: Backend, targets: list[Target], run: Run) -> tuple[FoldResult, Prepared]:
    """What all targets of one backend share."""
    folded, job = fold(backend, targets, run)
    with run.clock("lower and calibrate"):
        return folded, backend.prepare(job)


def fold(backend: Backend, targets: list[Target], run: Run) -> tuple[FoldResult, Job]:
    """The normal form with the normalization folded, and the job that the backend gets."""
    with run.clock("fold normalization"):
        folded = fold_preprocessing(
            run.normal,
            run.request.preprocessing,
            run.request.normalization or backend.normalization,
            exact_only=any(target.scheme.numbers is Numbers.FLOAT32 for target in targets),
            samples=run.calibration.fit if run.calibration else None,
        )
    job = Job(
        model=folded.model,
        bindings=folded.bindings,
        calibration=run.calibration,
        moments=_moments(run),
        preprocessing=run.request.preprocessing,
        interface=run.request.interface_for(targets[0]),
        workspace=run.workspace,
        cache=run.request.cache,
        progress=run.progress,
        names=source_names(run.source.graph.graph, folded.model.graph.graph),
        spellings=frozenset(target.spelling for target in targets),
    )
    return folded, job


def _moments(run: Run) -> dict[str, Moments]:
    """What the network tells of its values, where nobody gave data to measure them on."""
    if run.calibration is None or run.calibration.origin is not Origin.SYNTHETIC:
        return {}
    from dlpuconv.passes.batch_norms import known_moments

    with run.clock("batch normalizations"):
        return known_moments(run.source, run.normal, next(iter(run.calibration.fit)))


def _backends(
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
                raise PluginError(f"{target.called} takes {takes}, but its backend {backend.name} makes {makes}")
            raise UsageError(
                f"{target.name} takes {takes}; the {backend.name} backend makes {makes} (without --backend,"
                f" {target.name} gets its own: {target.backend})"
            )


def _differences(backend: type[Backend], target: Target) -> Iterator[tuple[str, str]]:
    """What a target takes beside what a backend makes instead."""
    if backend.numbers not in (None, target.scheme.numbers):
        yield f"{target.scheme.numbers} files", f"{backend.numbers} ones"
    if backend.suffix not in (None, target.suffix):
        takes, makes = (f"{suffix} files" if suffix else "folders" for suffix in (target.suffix, backend.suffix))
        yield takes, makes


def demand_calibration(request: Request, data: Data) -> None:
    """Check, before the model is read, that there are samples for every target that needs some.

    Raises:
        CalibrationError: there are none.
    """
    needy = [target.name for target in targets_of(request) if target.calibration_required]
    if needy and data.calibration is None:  # validation data alone calibrates nothing
        raise CalibrationError(
            f"{', '.join(needy)} needs calibration data: give --calibration a folder of about 100 images or an .npz"
            " (or --calibration none, which measures ranges on synthetic images, at a loss of accuracy)"
        )

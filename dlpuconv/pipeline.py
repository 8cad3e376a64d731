"""convert(): the stages from a model to verified files, top to bottom."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpuconv.calibration import open_calibration
from dlpuconv.compilers import compile_for_chip
from dlpuconv.conversion import Conversion, Converted
from dlpuconv.delivery import Reference
from dlpuconv.delivery.manifest import Provenance
from dlpuconv.errors import CalibrationError, UsageError
from dlpuconv.frontends import load
from dlpuconv.passes import fold_preprocessing, normalize
from dlpuconv.plugin import Job
from dlpuconv.progress import Silent
from dlpuconv.quantization import Recipe
from dlpuconv.quantization.mixing import mix
from dlpuconv.quantization.search import Plan, plan_for, search
from dlpuconv.registry import load_backend, load_target
from dlpuconv.scheme import Granularity, Numbers
from dlpuconv.stopwatch import Stopwatch
from dlpuconv.verify import Links, Question, in_source_names, reference_inferences, verify_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.calibration import Calibration
    from dlpuconv.ir import Model
    from dlpuconv.passes import FoldResult
    from dlpuconv.plugin import Artifact, Backend, Prepared, Target
    from dlpuconv.progress import Progress
    from dlpuconv.quantization.metric import Yardstick
    from dlpuconv.quantization.search import Trial
    from dlpuconv.request import Request
    from dlpuconv.verify.metric import MetricScore

_REFERENCE_SAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What the user gives beside the model; anything that `open_calibration` and `load` read."""

    calibration: Any = None
    validation: Any = None
    example_inputs: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What every stage of one run shares.

    Attributes:
        request: what is wanted.
        source: the model as it was read.
        normal: in normal form.
        backends: started ones, each with its targets.
        calibration: samples, or None.
        workspace: a private temporary folder.
        progress: where long work reports.
        clock: counts the stages' time.
    """

    request: Request
    source: Model
    normal: Model
    backends: tuple[tuple[Backend, list[Target]], ...]
    calibration: Calibration | None
    yardstick: Yardstick | None
    workspace: Path
    progress: Progress
    clock: Stopwatch


def convert(model: Any, request: Request, data: Data, progress: Progress | None = None) -> Conversion:
    """Convert a model for every requested target, and verify each file.

    Args:
        model: anything that `frontends.load` reads.
        request: what is wanted.
        data: calibration and validation samples.
        progress: where long work reports; nowhere if None.

    Returns:
        Every target's files in memory, with their reports; a failed verification is a verdict, not an error.

    Raises:
        DlpuconvError: the model, the data or the request cannot be used, or a tool failed.
    """
    with opened(model, request, data, progress) as run:
        done = [
            _emit_and_verify(backend, prepared, target, folded, run)
            for backend, targets in run.backends
            for folded, prepared in [prepare(backend, targets, run)]
            for target in targets
        ]
    order = {name: position for position, name in enumerate(dict.fromkeys(request.targets))}
    return Conversion(tuple(sorted(done, key=lambda c: order[c.target])), timings=run.clock.seconds)


@contextmanager
def opened(model: Any, request: Request, data: Data, progress: Progress | None) -> Iterator[Run]:
    """Read the model and the data, with backends started meanwhile; all is closed afterwards, come what may."""
    progress = progress or Silent()
    clock = Stopwatch()
    targets = [load_target(name) for name in dict.fromkeys(request.targets)]
    _demand_calibration(targets, data)
    with ExitStack() as stack:
        workspace = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dlpuconv-")))
        backends = tuple(_backends(request, targets, stack))
        with clock("read"):
            source = load(model, request.source, example_inputs=data.example_inputs)
        with clock("metric of the source"):
            yardstick = _yardstick(request, source, progress)
        with clock("normal form"):
            normal, _ = normalize(source)
        with clock("calibration data"):
            calibration = open_calibration(
                data.calibration,
                validation=data.validation,
                signature=source.signature,
                preprocessing=request.preprocessing,
                progress=progress,
            )
        yield Run(
            request=request,
            source=source,
            normal=normal,
            backends=backends,
            calibration=calibration,
            yardstick=yardstick,
            workspace=workspace,
            progress=progress,
            clock=clock,
        )


def artifact_names(stem: str, request: Request) -> list[str]:
    """Names that a conversion of `<stem>.onnx` will surely write, for a check before the work starts."""
    targets = [load_target(name) for name in dict.fromkeys(request.targets)]
    manifests = [f"{stem}.{target.name}.json" for target in targets if target.suffix]
    return [*(f"{stem}.{target.name}{target.suffix}" for target in targets), *manifests]


def _backends(request: Request, targets: list[Target], stack: ExitStack) -> Iterator[tuple[Backend, list[Target]]]:
    """One started backend for each group of targets that share it; closed with the stack, come what may."""
    groups: dict[str, list[Target]] = {}
    for target in targets:
        groups.setdefault(request.backend or target.backend, []).append(target)
    for name, theirs in groups.items():
        backend = load_backend(name)()
        _demand_numbers(backend, theirs)
        stack.callback(backend.close)
        backend.warm_up()
        yield backend, theirs


def _demand_numbers(backend: Backend, targets: list[Target]) -> None:
    for target in targets:
        if backend.numbers not in (None, target.scheme.numbers):
            raise UsageError(
                f"{target.name} takes {target.scheme.numbers} files; the {backend.name} backend makes {backend.numbers}"
                f" ones (without --backend, {target.name} gets its own: {target.backend})"
            )


def _demand_calibration(targets: list[Target], data: Data) -> None:
    needy = [target.name for target in targets if target.calibration_required]
    if needy and data.calibration is None:  # validation data alone calibrates nothing
        raise CalibrationError(
            f"{', '.join(needy)} needs calibration data: give --calibration a folder of about 100 images or an .npz"
            " (or 'random', to try the conversion without meaningful numbers)"
        )


def prepare(backend: Backend, targets: list[Target], run: Run) -> tuple[FoldResult, Prepared]:
    """What all targets of one backend share."""
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
        preprocessing=run.request.preprocessing,
        interface=run.request.interface,
        workspace=run.workspace,
        cache=run.request.cache,
        progress=run.progress,
    )
    with run.clock("lower and calibrate"):
        return folded, backend.prepare(job)


def _emit_and_verify(backend: Backend, prepared: Prepared, target: Target, folded: FoldResult, run: Run) -> Converted:
    with run.clock(f"search {target.name}"):
        recipe, trials = choose_recipe(backend, prepared, target, run)
    with run.clock(f"emit {target.name}"):
        made = backend.emit(prepared, target, recipe)
        facts = {**made.facts, "normalization": dict(folded.facts)}
        warnings = (*folded.notes, *made.warnings, *made.dropped)
        artifact = replace(made, warnings=warnings, facts=facts)
        file = _write(artifact, target, run)
    with run.clock(f"metric {target.name}"):
        metric = _metric(file, artifact, backend, trials, run)
    with run.clock(f"verify {target.name}"):
        report = verify_file(file, target, replace(_question(artifact, backend, run), metric=metric))
        reference = _reference(file, artifact, target, backend, run)
        compilation = compile_for_chip(target.compiler, file) if target.compiler and report.passed else None
    return Converted(
        provenance=Provenance(
            source=run.source.source,
            target=target,
            recipe=recipe,
            calibration=run.calibration,
            preprocessing=run.request.preprocessing,
            trials=trials,
            backend=backend.name,
            request=run.request.to_json(),
        ),
        artifact=artifact,
        report=report,
        reference=reference,
        compilation=compilation,
    )


def choose_recipe(backend: Backend, prepared: Prepared, target: Target, run: Run) -> tuple[Recipe, tuple[Trial, ...]]:
    """The recipe that was asked for, or the best of those that the effort allows to try.

    Raises:
        UsageError: a recipe was given for a backend that has no use for it.
    """
    wanted, calibration = run.request.quantization, run.calibration
    if wanted.recipe is not None:
        if not backend.follows_recipes:
            raise UsageError(f"a recipe was given, but the backend {backend.name} of {target.name} follows none")
        overrides = (*wanted.recipe.overrides, *wanted.overrides)
        granularity = wanted.granularity or wanted.recipe.granularity
        return replace(wanted.recipe, granularity=granularity, overrides=overrides), ()
    start = Recipe(granularity=wanted.granularity or target.scheme.weights, overrides=wanted.overrides)
    plan = plan_for(wanted.effort)
    mixed = wanted.mixed and start.granularity is Granularity.PER_TENSOR
    if not backend.follows_recipes or calibration is None or (plan is None and not mixed):
        return start, ()
    if not calibration.calibrated and run.yardstick is None:  # nothing that a recipe could be judged by
        return start, ()
    from dlpuconv.quantization.judging import SampleJudge

    def emit(recipe: Recipe) -> Artifact:
        return backend.emit(prepared, target, recipe)

    def worst_layers(recipe: Recipe) -> list[str]:
        layers = backend.blame(prepared, recipe, calibration.held_out).layers
        losing = sorted((layer for layer in layers if layer.loss_by_weights), key=lambda layer: -layer.loss_by_weights)
        return list(dict.fromkeys(layer.name for layer in losing))

    plan = plan or Plan(changes=())
    if run.yardstick is not None:
        plan = replace(plan, enough=run.yardstick.enough)
    judge = SampleJudge(
        run.source, calibration.held_out, backend.runner, run.workspace / "trials", metric=run.yardstick
    )
    with run.progress.stage(f"looking for good numbers for {target.name}") as tried:
        trials = search(start, emit, judge, plan, tried)
    if mixed:
        with run.progress.stage(f"looking for layers that need per-channel weights on {target.name}") as tried:
            trials = mix(trials, emit, judge, worst_layers, tried)
    return next(trial.recipe for trial in trials if trial.chosen), tuple(trials)


def _yardstick(request: Request, source: Model, progress: Progress) -> Yardstick | None:
    """The user's own metric with what it says of the float model: what it cannot do shows before the long work."""
    metric = request.quantization.metric
    if metric is None:
        return None
    from dlpuconv.formats.ort_runner import OrtRunner
    from dlpuconv.quantization.metric import Yardstick

    with progress.stage(f"scoring the float model with {metric.name}") as step:
        return Yardstick.take(metric, OrtRunner(source.to_bytes(), source.source.name), source.signature, step)


def _metric(
    file: Path, artifact: Artifact, backend: Backend, trials: tuple[Trial, ...], run: Run
) -> MetricScore | None:
    """What the user's own metric says of a file: the search knows, where there was one."""
    yardstick = run.yardstick
    if yardstick is None:
        return None
    known = [trial.score.metric for trial in trials if trial.chosen and trial.score.metric is not None]
    if known:
        return yardstick.judged(known[0])
    links = Links(inputs=artifact.inputs, outputs=artifact.outputs, bindings=artifact.bindings)
    with run.progress.stage(f"scoring {file.name} with {yardstick.metric.name}", yardstick.calls) as step:
        return yardstick.judged(yardstick(in_source_names(backend.runner(file), links), links, step))


def _write(artifact: Artifact, target: Target, run: Run) -> Path:
    """Put the artifact where it can be read back, as the user will have it."""
    place = run.workspace / target.name / f"{run.source.source.name}.{target.name}{target.suffix}"
    for name, content in artifact.files.items():
        path = place / name if name else place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return place


def _question(artifact: Artifact, backend: Backend, run: Run) -> Question:
    """What the verifier is told of a file that was just made."""
    wanted = run.request.quantization
    asked = {override.granularity for override in wanted.overrides}
    if wanted.granularity is not None:
        asked.add(wanted.granularity)
    if wanted.mixed:
        asked |= {Granularity.PER_TENSOR, Granularity.PER_CHANNEL}
    if wanted.recipe is not None:
        asked |= {wanted.recipe.granularity, *(override.granularity for override in wanted.recipe.overrides)}
    samples = run.calibration.held_out if run.calibration else None
    return Question(
        asked=frozenset(asked),
        reference=run.source,
        samples=samples,
        # validation data alone calibrate nothing, but they are no random samples either
        calibrated=run.calibration is None or run.calibration.calibrated or not len(run.calibration.fit),
        inputs=artifact.inputs,
        outputs=artifact.outputs,
        bindings=artifact.bindings,
        min_sqnr=run.request.verification.min_sqnr,
        ignore=run.request.verification.ignore,
        strict=run.request.verification.strict,
        warnings=(*(run.calibration.warnings if run.calibration else ()), *artifact.warnings),
        backend=backend,
    )


def _reference(file: Path, artifact: Artifact, target: Target, backend: Backend, run: Run) -> Reference | None:
    """A few inferences of the file itself, for those who write the camera application."""
    if run.calibration is None or target.scheme.numbers is not Numbers.INT8:
        return None
    links = Links(inputs=artifact.inputs, outputs=artifact.outputs, bindings=artifact.bindings)
    samples = chain(run.calibration.held_out, run.calibration.fit)  # few samples may hold out less than three
    return Reference(*reference_inferences(backend.runner(file), links, samples, _REFERENCE_SAMPLES))

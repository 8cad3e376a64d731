"""convert(): the stages from a model to verified files, top to bottom."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.analysis import judge_layers
from dlpuconv.delivery import BOM, DividedNetwork, Inputs, Provenance, Reference
from dlpuconv.errors import OF_ONE_TARGET, ArtifactError, BackendError, DlpuconvError, UnsupportedModelError
from dlpuconv.files.content import lend_contents
from dlpuconv.formats.package_layout import MANIFEST
from dlpuconv.ir.weight_file import trim
from dlpuconv.manifest import SamplesRecord
from dlpuconv.scheme import Numbers
from dlpuconv.verification.behind import tail_of
from dlpuconv.verification.naming import with_names
from dlpuconv.verification.parity import reference_inferences
from dlpuconv.verification.predictor import AsSource
from dlpuconv.verification.question import least_db
from dlpuconv.verification.verifier import verify_file
from dlpuconv.workflow.conversion import Conversion, Converted, Inside
from dlpuconv.workflow.diagnosis import can_be_diagnosed, diagnosed
from dlpuconv.workflow.failure import Failure, made_and_failed
from dlpuconv.workflow.jobs import prepare
from dlpuconv.workflow.native_rests import native_rests
from dlpuconv.workflow.questions import question_of
from dlpuconv.workflow.recipe_choice import choose_recipe, settings_of
from dlpuconv.workflow.run import dividing, opened, targets_of
from dlpuconv.workflow.scoring import score_of
from dlpuconv.workflow.vendor_compiler import compile_for_chip
from dlpuconv.workflow.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from dlpuconv.analysis import BlamedLayer
    from dlpuconv.display.progress import Progress
    from dlpuconv.formats import Runner
    from dlpuconv.ir import Port
    from dlpuconv.passes import FoldResult
    from dlpuconv.plugin import Artifact, Backend, Prepared, Target
    from dlpuconv.quantization import Recipe
    from dlpuconv.workflow.request import Request
    from dlpuconv.workflow.run import Data, Run

_REFERENCE_SAMPLES = 3


def convert(model: Any, request: Request, data: Data, progress: Progress | None = None) -> Conversion:
    """Convert a model for every requested target, and verify each file.

    Args:
        model: anything that `frontends.load` reads.
        request: what is wanted.
        data: calibration and validation samples.
        progress: where long work reports; nowhere if None.

    Returns:
        Every target's files in memory, with their reports; a failed verification is a verdict, not an error. What
        ends the work for some targets leaves the others' results, beside the reason.

    Raises:
        DlpuconvError: the model, the data or the request cannot be used, or a tool or plugin failed for every target.
    """
    with opened(model, request, data, progress, calibrates=True) as run:
        done = [result for backend, targets in run.backends for result in _converted(backend, targets, run)]
    made, failures = made_and_failed(done, run.targets)
    return Conversion(made, timings=run.clock.seconds, failures=failures, inputs=inputs_of(model, request, data))


def _converted(backend: Backend, targets: list[Target], run: Run) -> Iterator[Converted | Failure]:
    """The results of one backend's targets."""
    try:
        run, shared = dividing(run, partial(_prepared, backend, targets))
    except OF_ONE_TARGET as error:
        yield from (Failure(target=target.name, error=error) for target in targets)
        return
    for target in targets:
        try:
            yield _of_one_target(backend, target, shared, run)
        except ArtifactError as error:
            text = f"the backend {backend.name} made a file for {target.called} that cannot be read back: {error}"
            yield Failure(target=target.name, error=BackendError(text, id="backend-file-invalid"))
        except OF_ONE_TARGET as error:
            yield Failure(target=target.name, error=error)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all targets of one backend share.

    Attributes:
        folded: the normal form with the normalization folded.
        prepared: what the backend made of it.
        native: parts of a divided network as files for the backend's own runtime on a CPU.
    """

    folded: FoldResult
    prepared: Prepared
    native: Mapping[str, bytes]


def _prepared(backend: Backend, targets: list[Target], run: Run) -> _Shared:
    folded, prepared = prepare(backend, targets, run)
    with run.clock("rest"):
        return _Shared(folded, prepared, native_rests(backend, run.division, run.progress))


def _of_one_target(backend: Backend, target: Target, shared: _Shared, run: Run) -> Converted:
    """One target's file; its own numbers may refuse what the others' can hold."""
    try:
        return _emit_and_verify(backend, target, shared, run)
    except UnsupportedModelError as error:
        rest = run.divided(error)
    return dividing(rest, lambda run: _emit_and_verify(backend, target, _prepared(backend, [target], run), run))[1]


def artifact_names(stem: str, request: Request) -> list[str]:
    """Files that a conversion of `<stem>.onnx` will surely write, for a check before the work starts."""
    return [f"{stem}.{target.name}{end}" for target in targets_of(request) for end in _ends(target, request)]


def _ends(target: Target, request: Request) -> tuple[str, ...]:
    if not target.suffix:
        return (f"/{MANIFEST}",)
    surely = (target.suffix, ".README.md", ".json", ".model_params.h")
    asked = (f".{BOM}",) if request.bom else ()
    return (*surely, *asked, ".reference.npz") if target.calibration_required else (*surely, *asked)


def inputs_of(model: Any, request: Request, data: Data) -> Inputs:
    """The files that a conversion reads."""
    return Inputs.of(model, data.calibration, data.validation, request.quantization.recipe_file)


def _emit_and_verify(backend: Backend, target: Target, shared: _Shared, run: Run) -> Converted:
    folded, prepared = shared.folded, shared.prepared
    shop = Workshop(backend, prepared, target, run)
    with run.clock(f"search {target.name}"):
        recipe, trials = choose_recipe(shop)
    with run.clock(f"emit {target.name}"):
        made = shop.emit(recipe)
        facts = {**made.facts, "normalization": dict(folded.facts)}
        warnings = (*folded.notes, *made.warnings, *made.dropped)
        artifact = replace(made, warnings=warnings, facts=facts)
        file = _write(artifact, target, run)
        trim()
    with run.clock(f"metric {target.name}"):
        metric = score_of(file, artifact, backend, trials, run)
    runner = run.subject.answers.of_artifact(artifact, backend, file)
    with run.clock(f"verify {target.name}"), run.progress.stage(f"verifying {file.name}"):
        report = verify_file(file, target, replace(question_of(artifact, runner, backend, recipe, run), metric=metric))
        reference = _reference(runner, artifact, target, run)
        compilation = compile_for_chip(target.compiler, file) if target.compiler and report.passed else None
    asked_db = least_db(target, run.request.verification.min_sqnr, report.parity)
    blamed: tuple[BlamedLayer, ...] = ()
    if run.request.verification.layers:
        blamed = _blamed(backend, prepared, target, recipe, run)
    if can_be_diagnosed(report, run):
        with run.clock(f"diagnose {target.name}"), suppress(DlpuconvError):  # the verdict stands without
            blamed = blamed or _blamed(backend, prepared, target, recipe, run)
            report = diagnosed(report, shop, recipe, blamed)
    inside = None
    if run.request.verification.layers:
        view = with_names(backend.read(file), artifact.layers, run.source)
        inside = Inside(view=view, blamed=blamed, asked_db=asked_db)
    return Converted(
        provenance=Provenance(
            divided=_divided(target, artifact, shared.native, run),
            source=run.source.source,
            target=target,
            recipe=recipe,
            calibration=run.calibration.record if run.calibration else SamplesRecord(),
            preprocessing=run.request.preprocessing,
            trials=trials,
            backend=backend.name,
            request=run.request.record(target),
        ),
        artifact=artifact,
        report=report,
        reference=reference,
        compilation=compilation,
        inside=inside,
        bom=run.request.bom,
    )


def _divided(target: Target, artifact: Artifact, native: Mapping[str, bytes], run: Run) -> DividedNetwork | None:
    """The files of the other parts, for one target's."""
    if run.division is None:
        return None
    computed = (port for port in artifact.inputs if port.source_name in run.division.computed)
    division = replace(run.division, entering=_bytes(computed), crossing=_bytes(artifact.outputs))
    if not target.suffix:
        return DividedNetwork(division=division, stem="")
    stem = f"{run.source.source.name}.{target.name}."
    return DividedNetwork(division=division, stem=stem, native=native, suffix=target.suffix)


def _bytes(ports: Iterable[Port]) -> int:
    return sum(prod(port.shape) * np.dtype(port.dtype).itemsize for port in ports)


def _blamed(backend: Backend, prepared: Prepared, target: Target, recipe: Recipe, run: Run) -> tuple[BlamedLayer, ...]:
    """What each of a file's layers costs alone, and why; nothing where the backend cannot tell."""
    if not backend.tells_blame or run.calibration is None:
        return ()
    samples = run.calibration.held_out if len(run.calibration.held_out) else run.calibration.fit
    with run.clock("layers"):
        found = backend.blame(prepared, target, recipe, samples)
    return judge_layers(found.layers, settings_of(backend, recipe, run))


def _write(artifact: Artifact, target: Target, run: Run) -> Path:
    """Put the artifact where it can be read back, as the user will have it."""
    place = run.workspace / target.name / f"{run.source.source.name}.{target.name}{target.suffix}"
    lend_contents(artifact.contents, place)
    return place


def _reference(file: Runner, artifact: Artifact, target: Target, run: Run) -> Reference | None:
    """A few inferences of the file itself, for those who write the camera application."""
    if run.calibration is None or target.scheme.numbers is not Numbers.INT8:
        return None
    samples = chain(run.calibration.held_out, run.calibration.fit)  # few samples may hold out less than three
    answers = AsSource(file, artifact.links)
    return Reference(*reference_inferences(answers, samples, _REFERENCE_SAMPLES, tail_of(run.division)))

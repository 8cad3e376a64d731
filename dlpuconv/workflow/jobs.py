"""What the backends get of a run: the network in normal form, its normalization folded, and all that is known of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.calibration import Origin
from dlpuconv.division.files import files_of
from dlpuconv.ir.source_names import source_names
from dlpuconv.passes import fold_preprocessing
from dlpuconv.passes.final_activations import without_final_activations
from dlpuconv.plugin import Job
from dlpuconv.scheme import Numbers
from dlpuconv.workflow.stated import told_of_scales

if TYPE_CHECKING:
    from dlpuconv.ir.moments import Moments
    from dlpuconv.passes import FoldResult
    from dlpuconv.plugin import Backend, Prepared, Target
    from dlpuconv.workflow.run import Run


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
            computed=run.division.computed if run.division else frozenset(),
        )
    endings = run.subject.endings.of(targets)
    model = without_final_activations(folded.model, endings.cut)
    folded = replace(folded, model=model, notes=(*told_of_scales(run.source), *folded.notes, *endings.told))
    job = Job(
        model=model,
        endings=endings.cut,
        bindings=folded.bindings,
        calibration=run.calibration,
        moments=_moments(run),
        preprocessing=run.request.preprocessing,
        interface=run.request.interface_for(targets[0]),
        workspace=run.workspace,
        cache=run.request.cache,
        progress=run.progress,
        names=source_names(run.source.graph.graph, model.graph.graph),
        rests=files_of(run.division),
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

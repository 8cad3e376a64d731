"""What the verifier is told of a file that was just made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.calibration import Origin
from dlpuconv.formats.package_layout import RECORD
from dlpuconv.ir.given_scales import NOT_GIVEN
from dlpuconv.scheme import Granularity, Numbers
from dlpuconv.verification.comparison import Likeness
from dlpuconv.verification.layers import moved_in
from dlpuconv.verification.question import Question
from dlpuconv.workflow.recipe_choice import settings_of

if TYPE_CHECKING:
    from dlpuconv.formats import Runner
    from dlpuconv.plugin import Artifact, Backend
    from dlpuconv.quantization import Recipe
    from dlpuconv.workflow.run import Run


def question_of(artifact: Artifact, file: Runner, backend: Backend, recipe: Recipe, run: Run) -> Question:
    """All of it: how the file was asked for, what it came of, and the samples to compare both on; `file` runs it."""
    wanted = run.request.quantization
    asked = {override.granularity for override in wanted.overrides}
    if wanted.granularity is not None:
        asked.add(wanted.granularity)
    if wanted.mixed:
        asked |= {Granularity.PER_TENSOR, Granularity.PER_CHANNEL}
    if wanted.recipe is not None:
        asked |= {wanted.recipe.granularity, *(override.granularity for override in wanted.recipe.overrides)}
    # A package is compared on the very files that it ships, unless there are only data for validation.
    shipped = RECORD in artifact.files and (run.calibration is None or run.calibration.given is not None)
    samples = run.calibration.held_out if run.calibration and not shipped else None
    # a float file is the network that the integers of a quantized source stand for
    source = run.source
    if source.scales and backend.numbers is not Numbers.INT8:
        source = replace(source, scales=NOT_GIVEN, original=None)
    return Question(
        asked=frozenset(asked),
        reference=source,
        division=run.division,
        samples=samples,
        # validation data alone calibrate nothing, but they are no random samples either
        calibrated=run.calibration is None or run.calibration.origin in (Origin.GIVEN, Origin.ABSENT),
        stated=run.calibration is not None and not run.calibration.measures,
        links=artifact.links,
        min_sqnr=run.request.verification.min_sqnr,
        kinds=run.request.verification.kinds,
        ignore=run.request.verification.ignore,
        strict=run.request.verification.strict,
        warnings=(*(run.calibration.warnings if run.calibration else ()), *artifact.warnings),
        backend=backend,
        misfits=run.misfits,
        layers=run.request.verification.layers,
        names=artifact.layers,
        settings=settings_of(backend, recipe, run),
        likeness=Likeness.after(scaled=recipe.equalize or bool(recipe.gates), absorbed=recipe.absorb),
        moved=moved_in(artifact.facts),
        answers=(run.subject.answers.of_source(source, samples), file),
    )

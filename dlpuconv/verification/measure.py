"""Runs a file and measures how far its answers are from what they should be, as a whole and layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from dlpuconv.formats.detect import runner
from dlpuconv.verification.comparison import Likeness
from dlpuconv.verification.question import forgives_rounding, least_db
from dlpuconv.verification.rules.graph import POST_PROCESS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlpuconv.formats import FileView, Runner
    from dlpuconv.manifest import Manifest
    from dlpuconv.plugin import Target
    from dlpuconv.verification.layer_parity import LayersReport
    from dlpuconv.verification.output_parity import ParityReport
    from dlpuconv.verification.question import Question

_RUNNABLE = frozenset({POST_PROCESS})  # LiteRT brings its kernel
_STRANGER = "the reference is not the model that the manifest names as the file's source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came of running a file.

    Attributes:
        parity: its outputs beside those that they should be; None where there was nothing to compare with.
        layers: its activations beside the source's; None where nobody asked.
        notes: why it was not run, and what is to be known of the figures.
    """

    parity: ParityReport | None = None
    layers: LayersReport | None = None
    notes: tuple[str, ...] = ()


def measure(path: Path, view: FileView, target: Target, question: Question, manifest: Manifest | None) -> Measured:
    """Compare a file with its source model, or a package that comes without one with its own record.

    Args:
        path: the file.
        view: what it holds.
        target: the chip.
        question: the source model; samples, or none where a package ships some.
        manifest: what the manifest says.

    Raises:
        ArtifactError: the file or its source cannot run.
        CalibrationError: there are no samples to compare on.
        ShapeError: source, samples and file do not fit together.
        MissingDependencyError: the comparison needs a library that is not installed.
    """
    shipped = view.package if question.samples is None else None
    if question.reference is None:
        return _measure_alone(path, view, target, question) if shipped is not None else Measured()
    if question.samples is None and shipped is None:
        return Measured()
    if only_on_chip := sorted({layer.op for layer in view.layers if layer.custom and layer.op not in _RUNNABLE}):
        return Measured(notes=(f"not compared with its source: {', '.join(only_on_chip)} runs on the chip only",))
    run = _runner(path, view, question)
    if shipped is not None:
        from dlpuconv.verification.shipped import compare_with_source

        parity, samples = compare_with_source(run, view, question, manifest)
        question = replace(question, samples=samples)
    else:
        from dlpuconv.verification.linking import compare_files

        parity = compare_files(run, view, question, manifest)
    parity = _mind_rounding(parity, target, question)
    notes = (*_stranger(question, manifest), *_excused(parity, least_db(target, question.min_sqnr, parity)))
    return Measured(parity=parity, layers=_layers(path, view, question, manifest), notes=notes)


def _measure_alone(path: Path, view: FileView, target: Target, question: Question) -> Measured:
    """A package without its source."""
    from dlpuconv.verification.record import measure_with_record

    parity, notes = measure_with_record(path, view, target, question)
    return Measured(parity=parity, notes=(*notes, *_excused(parity, least_db(target, question.min_sqnr, parity))))


def _runner(path: Path, view: FileView, question: Question) -> Runner:
    """The backend's own, but for a package that nobody who made it speaks for: that is a stranger's."""
    if question.answers is not None:
        return question.answers[1]
    if question.backend is None or (view.package is not None and question.links is None):
        return runner(path)
    return question.backend.runner(path)


def _mind_rounding(parity: ParityReport, target: Target, question: Question) -> ParityReport:
    """What of a low ratio the source's own rounding explains."""
    if not forgives_rounding(target, question) or question.reference is None or question.samples is None:
        return parity
    from dlpuconv.formats.ort_runner import OrtRunner
    from dlpuconv.verification.rounding import mind_rounding

    load = partial(OrtRunner, question.reference.split())
    return mind_rounding(parity, least_db(target, None, parity), load, question.samples)


def _excused(parity: ParityReport | None, least: float) -> Iterator[str]:
    """Outputs that pass although they are below the bar, since rounding alone is."""
    for output in parity.outputs if parity else ():
        if (
            output.rounding_db is not None
            and output.sqnr_db is not None
            and output.asked_db(least) <= output.sqnr_db < least
        ):
            yield (
                f"{output.name}: {output.sqnr_db:.1f} dB are low for a float file, but the network amplifies rounding"
                f" errors: the float source itself, computed in another order, reaches {output.rounding_db:.1f} dB"
                " against its own results on these samples"
            )


def _stranger(question: Question, manifest: Manifest | None) -> tuple[str, ...]:
    if manifest is None or question.reference is None:
        return ()
    return (_STRANGER,) if manifest.source_sha256 != question.reference.source.sha256 else ()


def _layers(path: Path, view: FileView, question: Question, manifest: Manifest | None) -> LayersReport | None:
    """The comparison layer by layer, where the question asks for it."""
    if not question.layers:
        return None
    from dlpuconv.verification.layers import compare_layers

    scaled, absorbed = (manifest.recipe.scales, manifest.recipe.absorb) if manifest else (False, False)
    likeness = question.likeness or Likeness.after(scaled=scaled, absorbed=absorbed)
    return compare_layers(path, view, question, manifest, likeness)

"""Verifies one file for one target: reads it back, applies the rules, compares it with its source, decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.formats.detect import read
from dlpuconv.formats.manifest_file import find_manifest
from dlpuconv.formats.names import port_names
from dlpuconv.formats.tflite_runtimes import min_runtime
from dlpuconv.placement import foresee
from dlpuconv.scheme import Numbers
from dlpuconv.verification.advice import recorded_settings
from dlpuconv.verification.engine import check, screen
from dlpuconv.verification.granularity import granularity
from dlpuconv.verification.measure import measure
from dlpuconv.verification.naming import with_names
from dlpuconv.verification.question import Question, judges_by_kind, least_db
from dlpuconv.verification.report import IoTensor, Report
from dlpuconv.verification.rules import UNIVERSAL_RULES
from dlpuconv.verification.rules.firmware import RULE as FIRMWARE
from dlpuconv.verification.verdict import decide

if TYPE_CHECKING:
    from dlpuconv.formats import FileView
    from dlpuconv.manifest import Manifest
    from dlpuconv.plugin import Target
    from dlpuconv.verification.output_parity import ParityReport
    from dlpuconv.verification.rule import Context

_NOT_CALIBRATED = "not calibrated: there were no real samples, so the ranges of this file were measured on synthetic"
" ones, and its figures say little about real data"
_COMPARED_ON_MADE_UP = "compared on synthetic samples, so the figures say little about real data"


def verify_file(path: str | Path, target: Target, question: Question | None = None) -> Report:
    """Verify any file, made by dlpuconv or not.

    Where the manifest that dlpuconv writes lies beside the file, it tells what was asked for and how the inputs and
    outputs correspond to the source model's; what `question` says comes first.

    Args:
        path: the file or package folder.
        target: the chip.
        question: what else is known.

    Raises:
        ArtifactError: the file or its manifest is damaged or of an unknown format.
        ShapeError: reference, samples and file do not fit together.
        CalibrationError: there are no samples to compare on.
        MissingDependencyError: the comparison needs a library that is not installed.
        UsageError: an ignored rule does not exist.
    """
    path = Path(path)
    question = question or Question()
    view = (question.backend.read if question.backend else read)(path)
    return verify_view(path, view, target, question)


def verify_view(path: Path, view: FileView, target: Target, question: Question) -> Report:
    """Verify a file that was read already; see `verify_file`."""
    rules = (*target.rules, *UNIVERSAL_RULES)
    screen(question.ignore, rules)
    manifest = find_manifest(path, view)
    view = with_names(view, question.names or (manifest.layers if manifest else ()), question.reference)
    measured = measure(path, view, target, question, manifest)
    parity = measured.parity
    context = _context(path, target, question, manifest, parity)
    findings = check(view, rules, context, question.ignore)
    placement, unplaced = foresee(view, target.placement, context)
    decision = decide(findings, strict=question.strict)
    calibrated = (
        question.calibrated
        and (manifest is None or not manifest.samples.made_up)
        and (parity is None or parity.calibrated)
    )
    return Report(
        file=path.name,
        format=view.format,
        target=target.name,
        verdict=decision.verdict,
        reasons=decision.reasons,
        findings=findings,
        ignored=tuple(sorted(question.ignore)),
        granularity=granularity(view),
        inputs=declared(view, view.inputs),
        outputs=declared(view, view.outputs),
        op_counts=view.op_counts,
        placement=placement,
        parity=parity,
        layers=measured.layers,
        metric=question.metric,
        calibrated=calibrated,
        warnings=(
            *question.warnings,
            *measured.notes,
            *_made_up(question, target, manifest),
            *_no_firmware(question, target),
            *unplaced,
        ),
        metadata=view.metadata,
        min_runtime=min_runtime(view),
    )


def _context(
    path: Path, target: Target, question: Question, manifest: Manifest | None, parity: ParityReport | None
) -> Context:
    """What the rules may know beside the file."""
    links = question.links or (manifest.links if manifest else None)
    # What one chip's default is, nobody asked for on another's behalf.
    asked = question.asked | (
        manifest.recipe.granularities if manifest and manifest.target == target.name else frozenset()
    )
    return replace(
        target.context,
        asked=asked,
        file=path.name,
        firmware=question.firmware,
        inputs=links.inputs if links else None,
        outputs=links.outputs if links else None,
        parity=parity,
        min_sqnr=least_db(target, question.min_sqnr, parity),
        by_kind=judges_by_kind(target, question.min_sqnr, parity),
        metric=question.metric,
        misfits=question.misfits,
        settings=question.settings or (recorded_settings(manifest) if manifest else None),
    )


def _made_up(question: Question, target: Target, manifest: Manifest | None) -> tuple[str, ...]:
    """What synthetic samples make worthless: the whole file, or only the figures of this comparison."""
    calibrated = question.calibrated or question.stated if manifest is None else not manifest.samples.made_up
    if not calibrated and target.scheme.numbers is not Numbers.FLOAT32:
        return (_NOT_CALIBRATED,)
    return () if calibrated and question.calibrated else (_COMPARED_ON_MADE_UP,)


def _no_firmware(question: Question, target: Target) -> tuple[str, ...]:
    """The warning that the given firmware version has no effect."""
    if question.firmware is None or any(rule.id == FIRMWARE for rule in target.rules):
        return ()
    return (f"which operators a firmware supports is not known for {target.name}, so --firmware has no effect",)


def declared(view: FileView, indices: tuple[int, ...]) -> tuple[IoTensor, ...]:
    """Inputs or outputs as the file declares them."""
    names = port_names(view, indices)
    tensors = [view.tensors[index] for index in indices]
    return tuple(
        IoTensor(
            name=name,
            shape=tensor.shape,
            dtype=tensor.dtype,
            scale=tensor.quantization.scale if tensor.quantization else None,
            zero_point=tensor.quantization.zero_point if tensor.quantization else None,
        )
        for name, tensor in zip(names, tensors, strict=True)
    )

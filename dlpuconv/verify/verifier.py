"""Verifies one file for one target: reads it back, applies the rules, compares it with its source, decides."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.formats.detect import model_inside, probed_runner, read
from dlpuconv.formats.names import port_names
from dlpuconv.formats.tflite_runtimes import min_runtime_version
from dlpuconv.placement import forecast
from dlpuconv.scheme import Numbers
from dlpuconv.verify.effort import why_not_run
from dlpuconv.verify.engine import check, screen
from dlpuconv.verify.granularity import granularity
from dlpuconv.verify.likeness import Likeness
from dlpuconv.verify.report import IoTensor, Report
from dlpuconv.verify.rule import Context
from dlpuconv.verify.rules import UNIVERSAL_RULES
from dlpuconv.verify.rules.firmware import RULE as FIRMWARE
from dlpuconv.verify.sidecar import find_sidecar
from dlpuconv.verify.verdict import decide

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpuconv.calibration import Samples
    from dlpuconv.formats import FileView, Runner
    from dlpuconv.ir import InputBinding, Model
    from dlpuconv.plugin import Backend, Port, Target
    from dlpuconv.scheme import Granularity
    from dlpuconv.verify.layer_parity import LayersReport
    from dlpuconv.verify.metric import MetricScore
    from dlpuconv.verify.report import ParityReport
    from dlpuconv.verify.sidecar import Sidecar


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is known of a file, and how strictly it is judged.

    Attributes:
        asked: granularities that the user asked for by name.
        reference: the float source model; without it, or without samples, there is no comparison.
        samples: that calibration did not see, in the source model's domain; None for those that a package ships.
        calibrated: False where calibration or these samples are made up.
        inputs: the file's inputs; None to take them from the manifest beside it, or to match them.
        outputs: likewise.
        bindings: by input name; None likewise.
        min_sqnr: dB that every output must reach; None for the target's own.
        firmware: AXIS OS that the file shall run on, such as (11, 11, 73); None where it is not known.
        ignore: ids of rules that do not count.
        strict: warnings fail as well.
        warnings: what is to be repeated in the report.
        backend: reads and runs the file, where it is of a format of its own.
        metric: what the user's own metric said of the file.
        layers: compare layer by layer too.
        likeness: in what the file's activations may differ from the source's values; None for what the manifest says.
    """

    asked: frozenset[Granularity] = frozenset()
    reference: Model | None = field(default=None, repr=False)
    samples: Samples | None = field(default=None, repr=False)
    calibrated: bool = True
    inputs: tuple[Port, ...] | None = None
    outputs: tuple[Port, ...] | None = None
    bindings: Mapping[str, InputBinding] | None = None
    min_sqnr: float | None = None
    firmware: tuple[int, ...] | None = None
    ignore: frozenset[str] = frozenset()
    strict: bool = False
    warnings: tuple[str, ...] = ()
    backend: Backend | None = None
    metric: MetricScore | None = None
    layers: bool = False
    likeness: Likeness | None = None


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
    rules = (*target.rules, *UNIVERSAL_RULES)
    screen(question.ignore, rules)
    view = (question.backend.read if question.backend else read)(path)
    sidecar = find_sidecar(path)
    parity, layers, notes = _parity(path, view, target, question, sidecar)
    context = _context(path, target, question, sidecar, parity)
    findings = check(view, rules, context, question.ignore)
    decision = decide(findings, strict=question.strict)
    calibrated = (
        question.calibrated and (sidecar is None or sidecar.calibrated) and (parity is None or parity.calibrated)
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
        placement=forecast(view, target.placement, context) if target.placement else None,
        parity=parity,
        layers=layers,
        metric=question.metric,
        calibrated=calibrated,
        warnings=(*question.warnings, *notes, *_made_up(question, target, sidecar), *_no_firmware(question, target)),
        metadata=view.metadata,
        min_runtime=_min_runtime(view),
    )


def _context(
    path: Path, target: Target, question: Question, sidecar: Sidecar | None, parity: ParityReport | None
) -> Context:
    """What the rules may know beside the file."""
    inputs, outputs = _said(question, sidecar)
    # What one chip's default is, nobody asked for on another's behalf.
    asked = question.asked | (sidecar.asked if sidecar and sidecar.target == target.name else frozenset())
    return Context(
        weights=target.scheme.weights,
        discouraged=target.scheme.discouraged,
        asked=asked,
        file=path.name,
        firmware=question.firmware,
        inputs=inputs,
        outputs=outputs,
        parity=parity,
        min_sqnr=least_db(target, question.min_sqnr, parity),
        metric=question.metric,
    )


def least_db(target: Target, asked: float | None, parity: ParityReport | None) -> float:
    """Decibels that every output must reach: what the user asks for, else what the chip's files can be held to.

    Made-up pictures may drive a network where nobody trained it; what saturates there magnifies even the rounding of
    float numbers.
    """
    if asked is not None:
        return asked
    if parity is not None and not parity.calibrated:
        return min(target.min_sqnr, _MOST_ON_MADE_UP)
    return target.min_sqnr


def _made_up(question: Question, target: Target, sidecar: Sidecar | None) -> tuple[str, ...]:
    """What made-up samples make worthless: the whole file, or only the figures of this comparison."""
    calibrated = question.calibrated if sidecar is None else sidecar.calibrated
    if not calibrated and target.scheme.numbers is not Numbers.FLOAT32:
        return (_NOT_CALIBRATED,)
    return () if calibrated and question.calibrated else (_COMPARED_ON_MADE_UP,)


def _no_firmware(question: Question, target: Target) -> tuple[str, ...]:
    """That the firmware was named in vain."""
    if question.firmware is None or any(rule.id == FIRMWARE for rule in target.rules):
        return ()
    return (f"nothing is known of what a firmware carries for {target.name}: --firmware was not looked at",)


def _min_runtime(view: FileView) -> str:
    operators = ((layer.op, layer.version) for layer in view.layers if not layer.custom)
    return min_runtime_version(operators) if view.format == "tflite" else ""


def _said(question: Question, sidecar: Sidecar | None) -> tuple[tuple[Port, ...] | None, tuple[Port, ...] | None]:
    """The inputs and outputs that the file should have, from whoever made it."""
    if question.inputs is not None and question.outputs is not None:
        return question.inputs, question.outputs
    return (sidecar.inputs, sidecar.outputs) if sidecar is not None else (None, None)


_MOST_ON_MADE_UP = 60.0
_STRANGER = "compared with another model than the manifest names as the file's source"
_NOT_CALIBRATED = "not calibrated: the samples were made up, so that the ranges and figures of this file mean little"

_COMPARED_ON_MADE_UP = "compared on made-up samples: the figures mean little; with real ones they would mean more"


def _parity(
    path: Path, view: FileView, target: Target, question: Question, sidecar: Sidecar | None
) -> tuple[ParityReport | None, LayersReport | None, tuple[str, ...]]:
    """The comparison with the source, as a whole and layer by layer, or why there is none."""
    shipped = view.package if question.samples is None else None
    if shipped is None and (question.reference is None or question.samples is None):
        return None, None, ()
    only_on_chip = sorted({layer.op for layer in view.layers if layer.custom and layer.op not in _RUNNABLE})
    if only_on_chip:
        return None, None, (f"not compared with its source: {', '.join(only_on_chip)} runs on the chip only",)
    if shipped is not None and question.reference is None and not shipped.inferences:
        return None, None, ()
    if shipped is not None and question.reference is None and (reason := why_not_run(view)):
        return None, None, (f"not run: {reason}",)
    from dlpuconv.verify.comparison import compare_files, compare_shipped, shipped_samples

    run = _runner(path, view, question)
    if shipped is not None:
        parity = compare_shipped(run, view, question, sidecar)
        question = replace(question, samples=shipped_samples(run, view, question, sidecar))
    else:
        parity = compare_files(run, view, question, sidecar)
    if parity is not None and question.min_sqnr is None:
        parity = _mind_rounding(parity, path, view, target, question)
    notes = (*_stranger(question, sidecar), *_excused(parity, least_db(target, question.min_sqnr, parity)))
    return parity, _layers(path, view, question, sidecar), notes


def _excused(parity: ParityReport | None, least: float) -> Iterator[str]:
    """Outputs that pass although they are below the bar, since rounding alone is."""
    for output in parity.outputs if parity else ():
        if (
            output.rounding_db is not None
            and output.sqnr_db is not None
            and output.asked_db(least) <= output.sqnr_db < least
        ):
            yield (
                f"{output.name}: {output.sqnr_db:.1f} dB are low for a float file, but the source itself, computed in"
                f" another order, keeps {output.rounding_db:.1f} dB on these samples"
            )


def _mind_rounding(
    parity: ParityReport, path: Path, view: FileView, target: Target, question: Question
) -> ParityReport:
    """For float files, which have no other excuse: what of a low ratio the source's own rounding explains."""
    if target.scheme.numbers is not Numbers.FLOAT32:
        return parity
    from dlpuconv.verify.rounding import mind_rounding

    least = least_db(target, question.min_sqnr, parity)
    if question.reference is not None and question.samples is not None:
        return mind_rounding(parity, least, question.reference.to_bytes(), question.samples)
    if view.package is not None:
        recorded = (feed for feed, _ in view.package.recorded())
        return mind_rounding(parity, least, model_inside(path), recorded)
    return parity


def _runner(path: Path, view: FileView, question: Question) -> Runner:
    """The backend's own, but for a package that nobody who made it speaks for: that is a stranger's."""
    if question.backend is None or (view.package is not None and question.inputs is None):
        return probed_runner(path)
    return question.backend.runner(path)


def _stranger(question: Question, sidecar: Sidecar | None) -> tuple[str, ...]:
    if sidecar is None or question.reference is None:
        return ()
    return (_STRANGER,) if sidecar.source_sha256 != question.reference.source.sha256 else ()


def _layers(path: Path, view: FileView, question: Question, sidecar: Sidecar | None) -> LayersReport | None:
    """The comparison layer by layer, where the question asks for it."""
    if not question.layers:
        return None
    from dlpuconv.verify.layers import compare_layers

    equalized, absorbed = (sidecar.equalized, sidecar.absorbed) if sidecar else (False, False)
    likeness = question.likeness or Likeness.after(equalized=equalized, absorbed=absorbed)
    return compare_layers(path, view, question, sidecar, likeness)


_RUNNABLE = frozenset({"TFLite_Detection_PostProcess"})  # LiteRT brings its kernel


def declared(view: FileView, indices: tuple[int, ...]) -> tuple[IoTensor, ...]:
    """Inputs or outputs as the file declares them."""
    names = port_names(view, indices)
    tensors = [view.tensors[index] for index in indices]
    return tuple(
        IoTensor(
            name=name,
            shape=tensor.shape,
            dtype=tensor.dtype,
            scale=tensor.quantization.scale[0] if tensor.quantization else None,
            zero_point=tensor.quantization.zero_point[0] if tensor.quantization else None,
        )
        for name, tensor in zip(names, tensors, strict=True)
    )

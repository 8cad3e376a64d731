"""Whether a package's model still answers what its own `reference/` says: all that can be asked without its source.

Nobody who made the model speaks for it: it runs in a process of its own, within narrow limits.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.decibel import MOST_DB
from dlpuconv.errors import ArtifactError
from dlpuconv.formats.detect import model_inside
from dlpuconv.formats.ort_runner import OF_A_STRANGER, OrtRunner, TooMuchError
from dlpuconv.ir import Port
from dlpuconv.verification.effort import why_not_run
from dlpuconv.verification.parity import compare_answers
from dlpuconv.verification.question import forgives_rounding, least_db
from dlpuconv.verification.rounding import mind_rounding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlpuconv.formats import FileView, Runner
    from dlpuconv.formats.package_view import Feed, PackageView
    from dlpuconv.plugin import Target
    from dlpuconv.verification.output_parity import OutputParity, ParityReport
    from dlpuconv.verification.parity import Answer
    from dlpuconv.verification.question import Question

_MARGIN_DB = 10.0  # the same graph: another ONNX Runtime takes its sums in another order, and does nothing else to it

ITS_RECORD = "its own reference/"


def measure_with_record(
    path: Path, view: FileView, target: Target, question: Question
) -> tuple[ParityReport | None, tuple[str, ...]]:
    """Run a package's model on the inputs in `reference/`.

    Args:
        path: the folder.
        view: what it holds.
        target: the chip.
        question: how strictly it is judged.

    Returns:
        The figures, None where nothing is recorded or the model is not run; and why it is not.

    Raises:
        ArtifactError: the model cannot run.
    """
    if view.package is None or next(view.package.recorded(), None) is None:
        return None, ()
    if reason := why_not_run(view):
        return None, (f"not run: {reason}",)
    model = model_inside(path)
    try:
        run = OrtRunner(model, limits=OF_A_STRANGER)
        parity = compare_with_record(run, view, view.package)
    except TooMuchError as error:
        return None, (f"not run: {error.reason}",)
    if not forgives_rounding(target, question):
        return parity, ()
    return _mind_rounding(parity, least_db(target, None, parity), run, model, view.package), ()


def compare_with_record(run: Runner, view: FileView, package: PackageView) -> ParityReport:
    """How far the model's answers are from those that are recorded.

    Raises:
        ArtifactError: the model cannot run.
    """
    outputs = [view.tensors[index] for index in view.outputs]
    ports = [
        Port(
            name=tensor.name,
            source_shape=tensor.shape,
            shape=tensor.shape,
            permutation=tuple(range(len(tensor.shape))),
            dtype=tensor.dtype,
        )
        for tensor in outputs
    ]
    lost = dict.fromkeys((port.name for port in ports), 0)

    def answers() -> Iterator[tuple[Answer, Answer, Answer]]:
        for feed, expected in package.recorded():
            got = run.run(feed)
            for name in lost:
                lost[name] += int(np.count_nonzero(~np.isfinite(expected[name]) & np.isfinite(got[name])))
            yield feed, expected, got

    parity = compare_answers(answers(), ports, calibrated=package.calibrated)
    judged = tuple(_without_answer(output, lost[output.name]) for output in parity.outputs)
    return replace(parity, outputs=judged, kernels=view.kind.kernels, beside=ITS_RECORD)


def _without_answer(output: OutputParity, values: int) -> OutputParity:
    """A record of nothing is no record: NaN beside a number is no agreement."""
    if not values:
        return output
    told = "value is" if values == 1 else "values are"
    fault = f"{values} recorded {told} NaN or infinite where the model's are finite"
    return replace(output, sqnr_db=-MOST_DB, exact=False, fault=output.fault or fault)


def _mind_rounding(parity: ParityReport, least: float, run: Runner, model: Path, package: PackageView) -> ParityReport:
    """A record may come from another machine with another ONNX Runtime: what of a low ratio rounding explains."""

    def load(*, optimize: bool) -> Runner:
        return run if optimize else OrtRunner(model, limits=OF_A_STRANGER, optimize=False)

    feeds: Iterator[Feed] = (feed for feed, _ in package.recorded())
    try:
        return mind_rounding(parity, least, load, feeds, _MARGIN_DB)
    except ArtifactError:
        return parity  # it runs as ONNX Runtime likes it best, and in no other way: that excuses nothing

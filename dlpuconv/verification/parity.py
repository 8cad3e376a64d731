"""Compares an artifact with its float source, one sample in memory at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.errors import CalibrationError, ShapeError
from dlpuconv.language.brief import listed
from dlpuconv.verification.output_parity import ParityReport
from dlpuconv.verification.predictor import AsSource, told_wrongly, whole
from dlpuconv.verification.tally import Tally
from dlpuconv.verification.translate import from_artifact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from dlpuconv.calibration import Sample
    from dlpuconv.formats import Runner
    from dlpuconv.ir import Links, Port
    from dlpuconv.verification.behind import TailFunction
    from dlpuconv.verification.wholes import Wholes

    type Answer = Mapping[str, npt.NDArray[np.generic]]


def compare(
    reference: Runner,
    artifact: Runner,
    links: Links,
    samples: Iterable[Sample],
    *,
    wholes: Wholes | None = None,
    calibrated: bool = True,
) -> ParityReport:
    """Run both on every sample and compare each output in the source model's layout and real units.

    Args:
        reference: runs the source model, on samples as they are.
        artifact: runs the converted file.
        links: how inputs and outputs correspond.
        samples: that calibration did not see.
        wholes: looks at whole outputs as well: what they are, and what a tail makes of them.
        calibrated: False for synthetic samples.

    Raises:
        CalibrationError: there are no samples.
        ShapeError: inputs or outputs do not fit together.
    """
    file = AsSource(artifact, links)
    answers = ((sample, reference.run(sample), file.answer(sample)) for sample in samples)
    return compare_answers(answers, links.outputs, wholes=wholes, calibrated=calibrated)


def compare_answers(
    answers: Iterable[tuple[Answer, Answer, Answer]],
    outputs: Iterable[Port],
    *,
    wholes: Wholes | None = None,
    calibrated: bool = True,
) -> ParityReport:
    """Compare what the source model and the file answered, sample by sample.

    Args:
        answers: what the source model took, its outputs, and those of the file, by name in the source model.
        outputs: the artifact's.
        wholes: looks at whole outputs as well: what they are, and what a tail makes of them.
        calibrated: False for synthetic samples.

    Raises:
        CalibrationError: there are no samples.
        ShapeError: outputs do not fit together.
    """
    tallies = {port: Tally(port) for port in outputs}
    count = 0
    for sample, expected, got in answers:
        real = {port: from_artifact(_named(got, port.name, "file"), port) for port in tallies}
        with told_wrongly("outputs"):
            complete = whole(real)
        for port, tally in tallies.items():
            tally.add(_piece(expected, port), _piece(complete, port) if port.activation else real[port])
        if wholes is not None:
            wholes.add(sample, expected, complete)
        count += 1
    if not count:
        raise CalibrationError(
            "no samples were given on which the file could be compared with its source", id="calibration-no-samples"
        )
    report = ParityReport(
        samples=count, outputs=tuple(tally.result(count) for tally in tallies.values()), calibrated=calibrated
    )
    return report if wholes is None else wholes.told(report)


def reference_inferences(
    file: AsSource, samples: Iterable[Sample], count: int, tail: TailFunction | None = None
) -> tuple[dict[str, npt.NDArray[np.generic]], dict[str, npt.NDArray[np.generic]], tuple[Answer, ...]]:
    """The first samples as a camera would deliver them, and what the artifact answers.

    Returns:
        Inputs and outputs by name, [N, ...] with the artifact's shapes and types, N at most `count`; and what becomes
        of each sample's outputs where they are not the source model's: what the tail of a divided network makes of
        them, where it can run, and probabilities of logits.
    """
    inputs: dict[str, list[npt.NDArray[np.generic]]] = {}
    outputs: dict[str, list[npt.NDArray[np.generic]]] = {}
    behind: list[Answer] = []
    activated = dict.fromkeys(port.source_name for port in file.links.outputs if port.activation)
    for _, sample in zip(range(count), samples, strict=False):
        given = file.feed(sample)
        for name, value in given.items():
            inputs.setdefault(name, []).append(value)
        answer = file.runner.run(given)
        for name, value in answer.items():
            outputs.setdefault(name, []).append(value)
        if tail is None and not activated:
            continue
        complete = file.restored(answer)
        made: dict[str, npt.NDArray[np.generic]] = {name: complete[name].astype(np.float32) for name in activated}
        if tail is not None:
            made |= tail.outputs(sample, complete) or {}
        if made:
            behind.append(made)
    return _stacked(inputs), _stacked(outputs), tuple(behind)


def _stacked(values: dict[str, list[npt.NDArray[np.generic]]]) -> dict[str, npt.NDArray[np.generic]]:
    return {name: np.stack(items) for name, items in values.items()}


def _named(outputs: Mapping[str, npt.NDArray[np.generic]], name: str, whose: str) -> npt.NDArray[np.generic]:
    if name not in outputs:
        raise ShapeError(f"the {whose} has no output {name!r}; it has {listed(outputs)}", id="output-missing")
    return outputs[name]


def _piece(outputs: Mapping[str, npt.NDArray[Any]], port: Port) -> npt.NDArray[Any]:
    """What an output of the file stands for: an output of the source model, or a slice of one."""
    value = _named(outputs, port.source_name, "source model")
    if port.part is None:
        return value
    if port.part.axis >= value.ndim:
        raise ShapeError(
            f"the manifest says that {port.name!r} is a part of {port.source_name!r} along axis {port.part.axis},"
            " which that does not have",
            id="manifest-misfit",
        )
    part: npt.NDArray[Any] = value[port.part.index]
    return part

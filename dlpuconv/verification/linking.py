"""How a file and its source model correspond, and their comparison: which runs what, and what stands for what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dlpuconv.division.chain import Chain
from dlpuconv.errors import ArtifactError
from dlpuconv.ir import Links
from dlpuconv.verification.matching import match
from dlpuconv.verification.parity import compare
from dlpuconv.verification.predictor import AsSource
from dlpuconv.verification.reach import with_reach
from dlpuconv.verification.source_runner import source_runner
from dlpuconv.verification.wholes import wholes_maker

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.division.division import Division
    from dlpuconv.formats import FileView, Runner
    from dlpuconv.ir import FinalActivation, Port, Signature
    from dlpuconv.manifest import Manifest
    from dlpuconv.verification.output_parity import ParityReport
    from dlpuconv.verification.question import Question


def compare_files(run: Runner, view: FileView, question: Question, manifest: Manifest | None) -> ParityReport:
    """Compare a file with the reference of the question, on its samples.

    Raises:
        ArtifactError: there is no reference or there are no samples, or one of the two models cannot run.
        CalibrationError: the samples are empty.
        ShapeError: they do not fit together.
    """
    if question.reference is None or question.samples is None:
        raise ArtifactError("a comparison needs the source model and samples", id="comparison-needs-source")
    links, artifact = link_source(run, view, question, manifest)
    if question.answers is None:
        reference: Runner = source_runner(question.reference)
    else:
        reference = question.answers[0]
    wholes = wholes_maker(question.reference, question.division, question.kinds, question.tail)()
    report = compare(reference, artifact, links, question.samples, wholes=wholes, calibrated=question.calibrated)
    return with_reach(replace(report, kernels=view.kind.kernels), view, links.outputs)


def in_source_names(runner: Runner, links: Links) -> Runner:
    """A runner of a file, under the source model's names."""
    if not any(port.file_name for port in (*links.inputs, *links.outputs)):
        return runner
    inputs = {port.name: port.name_in_file for port in links.inputs}
    return _Renamed(runner, inputs, {port.name_in_file: port.name for port in links.outputs})


def network_of(runner: Runner, links: Links, division: Division | None = None) -> Runner:
    """A file as the network that it stands for, whole.

    Args:
        runner: runs the file, under its own names.
        links: how it corresponds to the source model, or to the part of it that the chip runs.
        division: that part's place in the source model; None where the chip runs all of it.

    Raises:
        ArtifactError: ONNX Runtime cannot run the front or the tail.
    """
    file = AsSource(in_source_names(runner, links), links)
    return file if division is None else Chain(division, file)


def link(
    run: Runner,
    view: FileView,
    signature: Signature,
    manifest: Manifest | None,
    *,
    same_layout: bool = False,
) -> tuple[Links, Runner]:
    """How a file's inputs and outputs correspond to a model's, and a runner of the file under the model's names.

    The manifest tells, where it speaks of a model with these outputs; else names and shapes do, and the manifest still
    tells which outputs are logits.

    Args:
        run: runs the file.
        view: the file.
        signature: of the model.
        manifest: the file's manifest.
        same_layout: the model's layout is the file's.

    Raises:
        ShapeError: an input or output has no counterpart.
    """
    if manifest is not None and _same_outputs(manifest, signature):
        return manifest.links, in_source_names(run, manifest.links)
    inputs = match(view, view.inputs, signature.inputs, "input", same_layout=same_layout)
    logits = {port.name_in_file: port for port in manifest.links.outputs if port.activation} if manifest else {}
    known = {name: port.source_name for name, port in logits.items()}
    outputs = match(view, view.outputs, signature.outputs, "output", same_layout=same_layout, known=known)
    bindings = manifest.links.bindings if manifest else {}
    links = Links(inputs=_ports(inputs), outputs=_activated(_ports(outputs), logits), bindings=bindings)
    to_file = {port.name: name for name, port in inputs}
    return links, _Renamed(run, to_file, {name: port.name for name, port in outputs})


def link_source(run: Runner, view: FileView, question: Question, manifest: Manifest | None) -> tuple[Links, Runner]:
    """The same with the question's reference, where the backend may have told."""
    if question.links is not None:
        return question.links, in_source_names(run, question.links)
    if question.reference is None:
        raise ArtifactError("a comparison needs the source model", id="comparison-needs-source")
    return link(run, view, question.reference.signature, manifest)


def _same_outputs(manifest: Manifest, signature: Signature) -> bool:
    """Whether the manifest speaks of a model with these outputs: it may have been cut elsewhere."""
    return {port.source_name for port in manifest.links.outputs} == {value.name for value in signature.outputs}


def _ports(pairs: list[tuple[str, Port]]) -> tuple[Port, ...]:
    return tuple(replace(port, file_name=name) for name, port in pairs)


def _activated(ports: tuple[Port, ...], logits: Mapping[str, Port]) -> tuple[Port, ...]:
    """The ports with final activations behind the outputs that are logits in the file, by their name in it."""

    def activation(port: Port) -> FinalActivation | None:
        told = logits.get(port.name_in_file)
        if told is None or told.activation is None or told.part is not None:
            return None
        return replace(told.activation, output=port.name)

    return tuple(replace(port, activation=activation(port)) for port in ports)


@dataclass(frozen=True, slots=True)
class _Renamed:
    """A runner under the source model's names.

    Attributes:
        runner: under the file's names.
        inputs: name in the file by name in the source.
        outputs: name in the source by name in the file.
    """

    runner: Runner
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """One inference; see `formats.runner.Runner.run`."""
        found = self.runner.run({self.inputs[name]: value for name, value in inputs.items() if name in self.inputs})
        return {self.outputs.get(name, name): value for name, value in found.items()}

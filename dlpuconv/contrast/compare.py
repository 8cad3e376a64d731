"""Puts two files side by side."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dlpuconv.contrast.result import Contrast, Side
from dlpuconv.formats.detect import read, runner, size_of
from dlpuconv.formats.manifest_file import find_manifest
from dlpuconv.formats.unfinished import refuse_unfinished
from dlpuconv.ir import Affine, InputBinding
from dlpuconv.placement import foresee
from dlpuconv.placement.macs import constants, macs
from dlpuconv.verification.granularity import granularity
from dlpuconv.verification.linking import link
from dlpuconv.verification.parity import compare
from dlpuconv.verification.predictor import AsSource
from dlpuconv.verification.source_runner import source_runner
from dlpuconv.verification.verifier import declared

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.calibration import Samples
    from dlpuconv.formats import FileView, Runner
    from dlpuconv.ir import Links, Model, Port, Signature
    from dlpuconv.manifest import Manifest
    from dlpuconv.plugin import Target
    from dlpuconv.verification.output_parity import ParityReport

_CODES_BELOW_ZERO = {"uint8": 0, "int8": 128}
"""By how much the codes of a type lie below the pixels that a camera delivers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFile:
    """A file that was read.

    Attributes:
        path: of it.
        view: what it holds.
        manifest: its manifest; None where there is none.
    """

    path: Path
    view: FileView = field(repr=False)
    manifest: Manifest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparands:
    """What both files are run on.

    Attributes:
        samples: in the signature's domain.
        signature: that both files are seen through.
        reference: the float source; None where only the files are compared with one another.
        raw_pixels: True where the samples are 0-255 and nobody said how they are normalized: a file without a manifest
            is then fed as a camera feeds it.
        calibrated: False for synthetic samples.
    """

    samples: Samples = field(repr=False)
    signature: Signature
    reference: Model | None = field(default=None, repr=False)
    raw_pixels: bool = False
    calibrated: bool = True


def open_file(path: Path) -> ComparedFile:
    """Read a file and its manifest.

    Raises:
        ArtifactError: one of the two is missing, damaged or of an unknown format.
    """
    refuse_unfinished(path)
    view = read(path)
    manifest = find_manifest(path, view)
    return ComparedFile(path=path, view=view.named(manifest.layers if manifest else ()), manifest=manifest)


def contrast(
    a: ComparedFile, b: ComparedFile, target: Target | None = None, trial: Comparands | None = None
) -> Contrast:
    """Put two files side by side.

    Args:
        a: one file.
        b: another one.
        target: for a forecast of where their layers would run.
        trial: what they are run on; None to look at what they hold only.

    Raises:
        ShapeError: the files, the samples and the reference do not fit together.
        ArtifactError: a file cannot be run.
        CalibrationError: there are no samples.
        MissingDependencyError: a file needs a library that is not installed.
    """
    (side_a, unplaced_a), (side_b, unplaced_b) = _side(a, target), _side(b, target)
    unplaced = dict.fromkeys((*unplaced_a, *unplaced_b))
    found = Contrast(a=side_a, b=side_b, warnings=(*_strangers(a, b, trial), *_random(trial), *unplaced))
    if trial is None:
        return found
    linked = [_linked(file, trial) for file in (a, b)]
    first, second = (_beside(trial, file, *pair) for file, pair in zip((a, b), linked, strict=True))
    between = compare(
        AsSource(linked[0][1], linked[0][0]),
        linked[1][1],
        linked[1][0],
        trial.samples,
        calibrated=trial.calibrated,
    )
    told = " and ".join(dict.fromkeys((a.view.kind.kernels, b.view.kind.kernels)))
    return replace(found, between=replace(between, kernels=told), a_to_reference=first, b_to_reference=second)


def _strangers(a: ComparedFile, b: ComparedFile, trial: Comparands | None) -> tuple[str, ...]:
    """What the manifests say of the models that the files were made from, where that is not one and the same."""
    made_from = {file.path.name: file.manifest.source_sha256 for file in (a, b) if file.manifest is not None}
    if trial is not None and trial.reference is not None:
        made_from["the reference"] = trial.reference.source.sha256
    if len(set(made_from.values())) < 2:
        return ()
    told = f"the manifests say that {', '.join(made_from)} were made from different models"
    return (f"{told}, so differences need not be errors",)


def _random(trial: Comparands | None) -> tuple[str, ...]:
    """The warning that the samples are synthetic."""
    return (
        ()
        if trial is None or trial.calibrated
        else ("compared on synthetic samples, so the figures say little about real data",)
    )


def _side(file: ComparedFile, target: Target | None) -> tuple[Side, tuple[str, ...]]:
    """What there is to tell of a file, and why it is not known where its layers run."""
    view = file.view
    placement, unplaced = foresee(view, target.placement, target.context) if target else (None, ())
    side = Side(
        file=file.path.name,
        format=view.format,
        size=size_of(file.path),
        layers=len(view.layers),
        macs=sum(macs(view, layer) for layer in view.layers),
        parameters=sum({t.index: t.size for layer in view.layers for t in constants(view, layer)}.values()),
        weights=granularity(view).summary,
        inputs=declared(view, view.inputs),
        outputs=declared(view, view.outputs),
        op_counts=view.op_counts,
        metadata=view.metadata,
        placement=placement,
        manifest=file.manifest.name if file.manifest else "",
    )
    return side, unplaced


def _linked(file: ComparedFile, trial: Comparands) -> tuple[Links, Runner]:
    """How a file corresponds to the signature, and what runs it under the signature's names."""
    run = runner(file.path)
    same_layout = trial.reference is None and file.manifest is None
    links, named = link(run, file.view, trial.signature, file.manifest, same_layout=same_layout)
    if file.manifest is None and trial.raw_pixels:
        bindings = {p.name: _of_pixels(p) for p in links.inputs if p.quantization and p.dtype in _CODES_BELOW_ZERO}
        links = replace(links, bindings=bindings)
    return links, named


def _of_pixels(port: Port) -> InputBinding:
    """Pixels become the codes of the same number, as a camera delivers them."""
    affine = port.quantization or Affine.of(1.0, 0)
    offset = affine.real(-_CODES_BELOW_ZERO[port.dtype])
    return InputBinding(name=port.name, multiplier=(affine.scale,), offset=(offset,), raw_pixels=True)


def _beside(trial: Comparands, file: ComparedFile, links: Links, run: Runner) -> ParityReport | None:
    """A file beside the float source."""
    if trial.reference is None:
        return None
    source = source_runner(trial.reference)
    report = compare(source, run, links, trial.samples, calibrated=trial.calibrated)
    return replace(report, kernels=file.view.kind.kernels)

"""compare(): two files side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.calibration import Preprocessing
from dlpuconv.contrast import Comparands, contrast, open_file, signature_of
from dlpuconv.errors import UsageError
from dlpuconv.registry import load_target
from dlpuconv.workflow.part_files import read_division
from dlpuconv.workflow.reference import recorded_preprocessing
from dlpuconv.workflow.stated import pixels_of

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.contrast import ComparedFile, Contrast
    from dlpuconv.display.progress import Progress
    from dlpuconv.workflow.reference import ComparisonData


def compare(a: Path, b: Path, target: str | None, evidence: ComparisonData, progress: Progress) -> Contrast:
    """Put two files side by side and, where there are samples, their answers.

    Args:
        a: one file.
        b: another one.
        target: name of the chip whose placement is told; None for none.
        evidence: samples, and the float model.
        progress: where long work reports.

    Raises:
        DlpuconvError: a file, the evidence or an option cannot be used.
    """
    if evidence.reference is not None and evidence.data is None:
        raise UsageError("--reference needs --data: a comparison of answers takes samples", id="option-needs-another")
    chip = load_target(target) if target else None
    files = open_file(a), open_file(b)
    if evidence.data is None:
        return contrast(*files, chip)
    trial, warnings = _trial(files, evidence, progress)
    with progress.stage(f"comparing on {len(trial.samples)} samples"):
        found = contrast(*files, chip, trial)
    return replace(found, warnings=(*found.warnings, *warnings))


def _trial(
    files: tuple[ComparedFile, ComparedFile], evidence: ComparisonData, progress: Progress
) -> tuple[Comparands, tuple[str, ...]]:
    """What both are run on, and what there is to say of it."""
    recorded = (recorded_preprocessing(file.manifest) for file in files)
    preprocessing = evidence.preprocessing or next(filter(None, recorded), Preprocessing())
    told = next((file for file in files if file.manifest is not None), files[0])
    division = read_division(told.manifest, told.path)
    reading = evidence.reading(told.manifest, division) if evidence.reference is not None else None
    source = reading.source if reading else None
    signature = signature_of(source, files)
    if reading is None:
        given, fed, cut = signature, preprocessing, None
    else:
        given, cut = reading.signature, reading.division
        fed = pixels_of(reading.source, given, preprocessing)
    found = evidence.samples(given, fed, progress, cut)
    trial = Comparands(
        samples=found.held_out,
        signature=signature,
        reference=source,
        raw_pixels=evidence.is_folder and not preprocessing.stated and fed == preprocessing,
        calibrated=not evidence.made_up,
    )
    return trial, found.warnings

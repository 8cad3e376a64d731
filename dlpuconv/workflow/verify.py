"""verify(): any file, made by dlpuconv or not, judged for one chip."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, override

from dlpuconv.calibration import Preprocessing
from dlpuconv.contract import contract_of_file
from dlpuconv.display.wording import in_python
from dlpuconv.errors import ArtifactError, MissingDependencyError, UsageError
from dlpuconv.formats.detect import is_known, read
from dlpuconv.formats.files import is_folder
from dlpuconv.formats.manifest_file import find_manifest
from dlpuconv.formats.unfinished import refuse_unfinished
from dlpuconv.language.printable import printable
from dlpuconv.registry import load_backend, load_target
from dlpuconv.reporting.material import Material, size_of
from dlpuconv.verification.kinds.stated import demand_outputs
from dlpuconv.verification.naming import with_names
from dlpuconv.verification.question import Question, least_db
from dlpuconv.verification.verifier import verify_view
from dlpuconv.workflow.part_files import read_division
from dlpuconv.workflow.reference import recorded_preprocessing
from dlpuconv.workflow.stated import pixels_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dlpuconv.analysis.overlay import Overlay
    from dlpuconv.calibration import Calibration
    from dlpuconv.display.progress import Progress
    from dlpuconv.division.division import Division
    from dlpuconv.ir.output_kind import OutputKind
    from dlpuconv.jsonable import Json
    from dlpuconv.manifest import Manifest
    from dlpuconv.plugin import Backend
    from dlpuconv.verification.report import Report
    from dlpuconv.workflow.dividing import Reading
    from dlpuconv.workflow.reference import ComparisonData
    from dlpuconv.workflow.request import VerificationOptions


@dataclass(frozen=True, slots=True)
class Verification:
    """What `dlpuconv.verify` returns.

    Attributes:
        report: what was found.
        material: all that a page can tell, but for what the manifest says.
        manifest: what is written beside the file; None where nothing is.
    """

    report: Report
    material: Material = field(repr=False)
    manifest: Manifest | None = field(default=None, repr=False)

    @property
    def verdict(self) -> str:
        """`pass` or `fail`."""
        return self.report.verdict.value

    @property
    def passed(self) -> bool:
        """True for the verdict `pass`."""
        return self.report.passed

    @override
    def __repr__(self) -> str:
        return f"<Verification {self.report.file} for {self.report.target}: {self.verdict}>"

    def _repr_html_(self) -> str:
        return self.report._repr_html_()

    def in_python_words(self) -> Verification:
        """The same, with messages that name options as the Python API does."""
        report = in_python(self.report)
        return Verification(report, replace(self.material, report=report), self.manifest)

    def to_json(self) -> dict[str, Json]:
        """What `--json` prints."""
        return self.report.to_json()

    def to_html(self) -> str:
        """The report as one page of HTML, which needs nothing else.

        Raises:
            ArtifactError: the manifest tells of recipes that are none.
        """
        from dlpuconv.reporting import make_page, render
        from dlpuconv.reporting.origin import origin_of

        origin = origin_of(self.manifest) if self.manifest else None
        return render(make_page(replace(self.material, origin=origin)))

    def overlays(self) -> tuple[Overlay, ...]:
        """What is known of each layer, as node data for Model Explorer: `to_json` gives what it reads."""
        from dlpuconv.reporting import overlays_of

        return overlays_of(self.material)


def verify(
    file: Path,
    target: str,
    evidence: ComparisonData,
    options: VerificationOptions,
    *,
    firmware: tuple[int, ...] | None = None,
    progress: Progress,
) -> Verification:
    """Read a file, apply the chip's rules and, where there is evidence, compare it with its source.

    Args:
        file: the file, or package folder.
        target: name of the chip.
        evidence: the float model and samples.
        options: how strict.
        firmware: AXIS OS that the file shall run on, such as (11, 11, 73).
        progress: where long work reports.

    Raises:
        DlpuconvError: the file, the evidence or an option cannot be used.
    """
    refuse_unfinished(file)
    chip = load_target(target)
    backend = None if is_known(file) else _backend(chip.backend)
    view = (backend.read if backend else read)(file)
    manifest = find_manifest(file, view)
    division, damaged = _division(manifest, file, needed=evidence.reference is not None)
    reading, samples = _comparison(evidence, (manifest, division), progress, ships_samples=is_folder(file))
    source = reading.source if reading else None
    if reading is not None:
        demand_outputs(options.kinds, reading.outputs)
    elif options.kinds:
        raise UsageError(
            "--output-kind needs --reference: it says how the outputs are compared with the source model's",
            id="option-needs-another",
        )
    question = Question(
        reference=source,
        division=reading.division if reading else None,
        tail=division.tail if division else None,
        samples=samples.held_out if samples else None,
        calibrated=not evidence.made_up,
        min_sqnr=options.min_sqnr,
        kinds={**_recorded_kinds(manifest), **options.kinds},
        firmware=firmware,
        ignore=options.ignore,
        strict=options.strict,
        warnings=(*(samples.warnings if samples else ()), *damaged),
        backend=backend,
        layers=options.layers,
    )
    # rules alone take no time worth telling
    with progress.stage(f"comparing {file.name} with its source") if source else nullcontext():
        report = verify_view(file, view, chip, question)
    view = with_names(view, manifest.layers if manifest else (), source)
    material = Material(
        report=printable(report),
        view=printable(view),
        target=chip,
        size=size_of(file),
        contract=printable(contract_of_file(view, manifest)),
        asked_db=least_db(chip, options.min_sqnr, report.parity),
        preprocessing=evidence.preprocessing or recorded_preprocessing(manifest),
    )
    return Verification(material.report, material, printable(manifest))


def _division(manifest: Manifest | None, file: Path, *, needed: bool) -> tuple[Division | None, tuple[str, ...]]:
    """How the file's network is divided, and what is wrong with the parts for the CPU.

    Raises:
        ArtifactError: they are needed, and something is.
    """
    try:
        return read_division(manifest, file), ()
    except ArtifactError as error:
        if needed:
            raise
        return None, (str(error),)


def _recorded_kinds(manifest: Manifest | None) -> Mapping[str, OutputKind]:
    """What was said of outputs when the file was made."""
    return manifest.request.output_kinds if manifest is not None and manifest.request is not None else {}


def _backend(name: str) -> Backend | None:
    """The target's backend, which may know formats of its own; None where its libraries are missing.

    What every installation can read needs no backend (`is_known`), and a comparison says itself which library it needs.
    """
    try:
        return load_backend(name)()
    except MissingDependencyError:
        return None


def _comparison(
    evidence: ComparisonData,
    told: tuple[Manifest | None, Division | None],
    progress: Progress,
    *,
    ships_samples: bool,
) -> tuple[Reading | None, Calibration | None]:
    """The float model and the samples; a package ships some, on which it is compared where no others are given.

    Args:
        evidence: what the user gives.
        told: what the file's manifest says.
        progress: where long work reports.
        ships_samples: the file is a package.

    Raises:
        UsageError: there is one without the other.
    """
    given, data = evidence.reference is not None, evidence.data is not None
    if not given and not data:
        return None, None
    if not given:
        raise UsageError(
            "--data needs --reference: a comparison takes the float model and samples", id="option-needs-another"
        )
    if not data and not ships_samples:
        raise UsageError(
            "--reference needs --data: a comparison takes the float model and samples", id="option-needs-another"
        )
    manifest, division = told
    reading = evidence.reading(manifest, division)
    if not data:
        return reading, None
    preprocessing = evidence.preprocessing or recorded_preprocessing(manifest) or Preprocessing()
    preprocessing = pixels_of(reading.source, reading.signature, preprocessing)
    return reading, evidence.samples(reading.signature, preprocessing, progress, reading.division)

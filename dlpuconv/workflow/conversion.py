"""The result of a conversion: verified files in memory, and how they are saved."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

from dlpuconv.contract import c_header
from dlpuconv.delivery import BOM, About, Inputs, build_bom, deliver, make_readme, manifest_of
from dlpuconv.display.wording import in_python, python_words, reword
from dlpuconv.errors import UsageError
from dlpuconv.files.content import sha256_of, size_of
from dlpuconv.files.scratch import temporary_folder
from dlpuconv.quantization.recipe import ScaleOrigin
from dlpuconv.quantization.recipe_file import to_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.analysis import BlamedLayer
    from dlpuconv.analysis.overlay import Overlay
    from dlpuconv.contract import Contract
    from dlpuconv.delivery import Force, Provenance, Reference
    from dlpuconv.files.content import Content
    from dlpuconv.formats import FileView
    from dlpuconv.jsonable import Json
    from dlpuconv.manifest import DivisionRecord, Manifest
    from dlpuconv.plugin import Artifact
    from dlpuconv.reporting import Material
    from dlpuconv.verification.report import Report
    from dlpuconv.workflow.failure import Failure
    from dlpuconv.workflow.loaded import LoadedNetwork
    from dlpuconv.workflow.vendor_compiler import Compilation


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What a report tells of an artifact's layers.

    Attributes:
        view: the artifact, read back.
        blamed: what each layer costs alone; empty where the backend cannot tell.
        asked_db: signal-to-noise ratio that the outputs must reach.
    """

    view: FileView = field(repr=False)
    blamed: tuple[BlamedLayer, ...] = ()
    asked_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """One target's artifact with everything that goes beside it.

    Attributes:
        provenance: what it was made from, and how.
        artifact: as the backend made it.
        report: the verifier's.
        reference: a few inferences of the artifact itself; None where it cannot be run on integers here.
        compilation: what came of the chip's own compiler, if it has one.
        inside: of its layers; None where no report was asked for.
        bom: a bill of materials goes with it.
    """

    provenance: Provenance
    artifact: Artifact = field(repr=False)
    report: Report
    reference: Reference | None = field(default=None, repr=False)
    compilation: Compilation | None = field(default=None, repr=False)
    inside: Inside | None = field(default=None, repr=False)
    bom: bool = False

    @property
    def target(self) -> str:
        """Name of the chip."""
        return self.provenance.target.name

    @property
    def stem(self) -> str:
        """`model.artpec8`: what all names of this artifact begin with."""
        return f"{self.provenance.source.name}.{self.target}"

    @property
    def name(self) -> str:
        """Name of the artifact's file or folder."""
        return self.stem + self.provenance.target.suffix

    @property
    def is_folder(self) -> bool:
        """True for an artifact of several files, which holds its own manifest."""
        return "" not in self.artifact.files

    @property
    def content(self) -> bytes:
        """The artifact's bytes.

        Raises:
            ValueError: it is a folder.
        """
        if self.is_folder:
            raise ValueError(f"{self.name} is a folder; its files are in .artifact.contents")
        return self.artifact.files[""]

    @property
    def contract(self) -> Contract:
        """How to feed the artifact and how to read its answers."""
        return self.provenance.contract(self.artifact)

    @property
    def size(self) -> int:
        """Bytes of the artifact; of all its files together, for a folder."""
        return sum(map(size_of, self.artifact.contents.values()))

    def files(self, timings: Mapping[str, float] | None = None) -> dict[str, Content]:
        """Everything to deliver, by path relative to the output folder; the manifest included.

        What would be too much for memory, such as a package's calibration files, is there as a `StoredFile`.

        Args:
            timings: wall seconds by stage, for the manifest. Left out of a folder's manifest, which is part of the
                artifact: same inputs, same bytes.
        """
        return self._folder() if self.is_folder else self._beside(timings or {})

    def sha256(self) -> str:
        """Hex digest of the artifact; of its manifest, for a folder."""
        return sha256_of(self._folder()[f"{self.name}/manifest.json"] if self.is_folder else self.content)

    def load(self, *, workers: int = 1) -> LoadedNetwork:
        """The artifact as the function that its source model was, as `dlpuconv.load` gives it for the saved file.

        Args:
            workers: processes that compute.

        Raises:
            DlpuconvError: it cannot run here.
        """
        from dlpuconv.workflow.load import load

        with python_words(), temporary_folder("load") as folder:
            deliver(folder, self.files(), force=False, inputs=Inputs())
            return load(folder / self.name, workers)

    def predict(self, inputs: Any, *, workers: int = 1) -> dict[str, npt.NDArray[np.float32]]:
        """The source model's outputs for one sample or a batch; `load` once where there are several.

        Args:
            inputs: arrays or pictures, as `dlpuconv.load(...)` takes them.
            workers: processes that compute.

        Raises:
            DlpuconvError: see `load` and `LoadedNetwork`.
        """
        with self.load(workers=workers) as network:
            return network(inputs)

    def in_python_words(self) -> Converted:
        """The same, with messages that name options as the Python API does."""
        return replace(
            self,
            provenance=replace(
                self.provenance,
                calibration=in_python(self.provenance.calibration),
                trials=tuple(replace(trial, notes=in_python(trial.notes)) for trial in self.provenance.trials),
            ),
            artifact=replace(self.artifact, warnings=in_python(self.artifact.warnings)),
            report=in_python(self.report),
            inside=self.inside and replace(self.inside, blamed=in_python(self.inside.blamed)),
        )

    def to_html(self) -> str:
        """The report as one page of HTML, which needs nothing else.

        Raises:
            UsageError: the conversion was made without `report=True`, so that nothing is known of layers.
        """
        from dlpuconv.reporting import make_page, render

        return render(make_page(self._material()))

    def overlays(self) -> tuple[Overlay, ...]:
        """What is known of each layer, as node data for Model Explorer: `to_json` gives what it reads.

        Raises:
            UsageError: the conversion was made without `report=True`, so that nothing is known of layers.
        """
        from dlpuconv.reporting import overlays_of

        return overlays_of(self._material())

    def _material(self) -> Material:
        if self.inside is None:
            raise UsageError("no report was asked for: convert with report=True", id="report-not-made")
        from dlpuconv.reporting import Material
        from dlpuconv.reporting.origin import FileOrigin

        made = self.provenance
        return Material(
            report=self.report,
            view=self.inside.view,
            target=made.target,
            size=self.size,
            contract=self.contract,
            origin=FileOrigin(manifest=self._manifest({}, {}), recipe=made.recipe, trials=made.trials),
            blamed=self.inside.blamed,
            asked_db=self.inside.asked_db,
            preprocessing=made.preprocessing,
        )

    def _folder(self) -> dict[str, Content]:
        files = {f"{self.name}/{name}": data for name, data in self.artifact.contents.items()}
        told = dict(self.artifact.contents)
        if self.bom:
            told[BOM] = files[f"{self.name}/{BOM}"] = self._bom(files)
        return {**files, f"{self.name}/manifest.json": self._manifest(told, {}).to_bytes()}

    def _beside(self, timings: Mapping[str, float]) -> dict[str, Content]:
        files: dict[str, Content] = {self.name: self.content}
        if self.compilation is not None and self.compilation.content:
            files[self.compilation.file] = self.compilation.content
        if self.provenance.divided is not None:
            files |= self.provenance.divided.files
        if self.bom:
            files[f"{self.stem}.{BOM}"] = self._bom(files)
        if self.provenance.trials or self.provenance.recipe.scales is ScaleOrigin.SOURCE:
            files[f"{self.stem}.recipe.toml"] = to_toml(self.provenance.recipe).encode()
        if self.reference is not None:
            files[f"{self.stem}.reference.npz"] = self.reference.to_npz()
        files[f"{self.stem}.model_params.h"] = c_header(self.stem, self.contract, self._division()).encode()
        manifest = f"{self.stem}.json"
        files[f"{self.stem}.README.md"] = make_readme(self._about({*files, manifest})).encode()
        return {**files, manifest: self._manifest(files, timings).to_bytes()}

    def _bom(self, files: Mapping[str, Content]) -> bytes:
        return build_bom(self.provenance, self.name, files, self.contract, self.report)

    def _about(self, names: set[str]) -> About:
        compilation = self.compilation
        return About(
            name=self.name,
            stem=self.stem,
            made_from=self.provenance.source.name,
            target=self.provenance.target,
            contract=self.contract,
            runs_on_camera=compilation.file if compilation else self.name,
            compile_with=compilation.command if compilation and not compilation.content else "",
            beside=names - {self.name},
            failed=() if self.report.passed else self.report.reasons,
            divided=self.provenance.divided,
        )

    def _division(self) -> DivisionRecord | None:
        return self.provenance.divided.record if self.provenance.divided else None

    @override
    def __repr__(self) -> str:
        parity = self.report.parity
        figure = f", {parity.summary}" if parity is not None else ""
        return f"<Converted {self.name}: {self.report.verdict}{figure}, {self.size:,} bytes>"

    def _repr_html_(self) -> str:
        return Conversion((self,))._repr_html_()

    def _manifest(self, files: Mapping[str, Content], timings: Mapping[str, float]) -> Manifest:
        artifact = self.artifact
        if self.compilation is not None:
            artifact = replace(artifact, facts={**artifact.facts, "compiler": self.compilation.to_json()})
        return manifest_of(self.provenance, artifact, files, self.report, timings)


@dataclass(frozen=True, slots=True)
class Conversion:
    """What `dlpuconv.convert` returns.

    Attributes:
        artifacts: one for every requested target that has one, in the order asked for.
        timings: wall seconds by stage.
        failures: the other targets, and why they have none. Where no target has one, `convert` raises.
        inputs: the files that were read, which `save` never replaces.
    """

    artifacts: tuple[Converted, ...]
    timings: Mapping[str, float] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    inputs: Inputs = field(default_factory=Inputs, repr=False)

    @property
    def verdict(self) -> str:
        """`pass` if every requested target has an artifact, and all passed their verification, else `fail`."""
        return "pass" if not self.failures and all(a.report.passed for a in self.artifacts) else "fail"

    @property
    def reports(self) -> tuple[Report, ...]:
        """Every artifact's report."""
        return tuple(a.report for a in self.artifacts)

    @property
    def report(self) -> Report:
        """The report of the only target.

        Raises:
            ValueError: there were several targets; see `reports`.
        """
        if len(self.artifacts) != 1:
            raise ValueError(f"there are {len(self.artifacts)} reports: use .reports")
        return self.artifacts[0].report

    @override
    def __repr__(self) -> str:
        made = (f"{artifact.name}: {artifact.report.verdict}" for artifact in self.artifacts)
        return f"<Conversion {', '.join((*made, *(f'{failure.target}: failed' for failure in self.failures)))}>"

    def _repr_html_(self) -> str:
        from dlpuconv.display.notebook import as_html
        from dlpuconv.workflow.summary import conversion_text, failure_texts

        return as_html((*conversion_text(self), *failure_texts(self)))

    def in_python_words(self) -> Conversion:
        """The same, with messages that name options as the Python API does."""
        for failure in self.failures:
            reword(failure.error)
        return replace(self, artifacts=tuple(artifact.in_python_words() for artifact in self.artifacts))

    def __getitem__(self, target: str) -> Converted:
        """The artifact for this target.

        Raises:
            DlpuconvError: it has none, for this reason.
            KeyError: it was not asked for.
        """
        for artifact in self.artifacts:
            if artifact.target == target:
                return artifact
        for failure in self.failures:
            if failure.target == target:
                raise failure.error
        raise KeyError(target)

    def save(self, folder: str | Path = ".", *, force: Force = False) -> list[Path]:
        """Write every artifact, all or nothing; artifacts of a failed verification too, marked so in their manifest.

        Args:
            folder: made if it is missing.
            force: what may be replaced: nothing; with True, what an earlier conversion wrote and its manifest lists;
                with `"all"` whatever is there. What this conversion read never is.

        Returns:
            The path of each artifact (a file, or a folder).

        Raises:
            OutputError: something exists that may not be replaced, the folder cannot be written, or the disk is full.
            UsageError: `force` is something else.
        """
        with python_words():
            return self.write(Path(folder), force=force)

    def write(self, folder: Path, *, force: Force) -> list[Path]:
        """What `save` does, for the command line: errors name its options."""
        files = {name: data for artifact in self.artifacts for name, data in artifact.files(self.timings).items()}
        deliver(folder, files, force=force, inputs=self.inputs)
        return [folder / artifact.name for artifact in self.artifacts]

    def to_json(self, paths: list[Path]) -> dict[str, Json]:
        """What `--json` prints: `{"artifacts": [...], "failures": [...], "verdict": ..., "reports": [...]}`."""
        listed: list[Json] = [_listed(a, path) for a, path in zip(self.artifacts, paths, strict=True)]
        reports: list[Json] = [report.to_json() for report in self.reports]
        timings: dict[str, Json] = {stage: round(seconds, 3) for stage, seconds in self.timings.items()}
        tried: dict[str, Json] = {a.target: [trial.to_json() for trial in a.provenance.trials] for a in self.artifacts}
        return {
            "artifacts": listed,
            "failures": [failure.to_json() for failure in self.failures],
            "verdict": self.verdict,
            "reports": reports,
            "trials": tried,
            "timings_s": timings,
        }


def _listed(artifact: Converted, path: Path) -> dict[str, Json]:
    entry: dict[str, Json] = {"target": artifact.target, "path": str(path), "sha256": artifact.sha256()}
    if artifact.compilation is not None and artifact.compilation.content:
        entry["compiled_path"] = str(path.parent / artifact.compilation.file)
    if "source_scales" in artifact.artifact.facts:
        entry["source_scales"] = artifact.artifact.facts["source_scales"]
    if artifact.provenance.divided is not None:
        entry["division"] = artifact.provenance.divided.record.to_json()
    return entry

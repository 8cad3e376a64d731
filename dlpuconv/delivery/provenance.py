"""What an artifact was made from, and how: all that the manifest and the bill of materials tell of that."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import dlpuconv
from dlpuconv.contract import contract_of_artifact, images_record, input_record, output_record
from dlpuconv.files.content import sha256_of, size_of
from dlpuconv.manifest import FileRecord, Manifest, RecipeRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.calibration import Preprocessing
    from dlpuconv.contract import Contract
    from dlpuconv.delivery.division import DividedNetwork
    from dlpuconv.files.content import Content
    from dlpuconv.ir import Source
    from dlpuconv.manifest import RequestRecord, SamplesRecord
    from dlpuconv.plugin import Artifact, Target
    from dlpuconv.quantization import Recipe
    from dlpuconv.quantization.search import Trial
    from dlpuconv.verification.report import Report

_LIBRARIES = ("numpy", "onnx", "onnx-ir", "onnxruntime", "onnx2tf", "ai-edge-litert", "tensorflow", "torch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What an artifact was made from, and how.

    Attributes:
        source: the model.
        target: the chip.
        recipe: what was done to the numbers.
        calibration: what there is to tell of the samples.
        preprocessing: what the network expects of an image.
        trials: every recipe that was tried, where there was a search.
        backend: what made it.
        request: the options that it was asked with.
        divided: the parts of the network, of which the artifact is the chip's; None where it is all of it.
    """

    source: Source
    target: Target
    recipe: Recipe
    calibration: SamplesRecord
    preprocessing: Preprocessing
    trials: tuple[Trial, ...] = ()
    backend: str
    request: RequestRecord
    divided: DividedNetwork | None = None

    def contract(self, artifact: Artifact) -> Contract:
        """How to feed and read what was made: whatever is written about that comes from here."""
        return contract_of_artifact(
            artifact,
            self.preprocessing,
            of_images=self.calibration.of_images,
            computed=self.divided.division.computed if self.divided else frozenset(),
        )


def manifest_of(
    made: Provenance,
    artifact: Artifact,
    files: Mapping[str, Content],
    report: Report,
    timings: Mapping[str, float],
) -> Manifest:
    """What the manifest says.

    Args:
        made: provenance.
        artifact: as the backend made it.
        files: every delivered file by name, for the hashes.
        report: the verifier's.
        timings: wall seconds by stage; empty where the manifest must be reproducible to the byte.
    """
    contract = made.contract(artifact)
    return Manifest(
        dlpuconv=dlpuconv.__version__,
        target=made.target.name,
        device=made.target.device,
        backend=made.backend,
        request=made.request,
        verdict=report.verdict.value,
        files=tuple(
            FileRecord(name=name, sha256=sha256_of(content), size=size_of(content))
            for name, content in sorted(files.items())
        ),
        source_name=made.source.name,
        source_sha256=made.source.sha256,
        samples=made.calibration,
        images=images_record(made.preprocessing),
        recipe=_recipe(made.recipe),
        trials=tuple(trial.to_json() for trial in made.trials),
        inputs=tuple(map(input_record, contract.inputs)),
        outputs=tuple(map(output_record, contract.outputs)),
        division=made.divided.record if made.divided else None,
        layers=artifact.layers,
        warnings=artifact.warnings,
        facts=artifact.facts,
        report=report.to_json(),
        versions=installed_versions(),
        timings=timings,
    )


def _recipe(recipe: Recipe) -> RecipeRecord:
    return RecipeRecord(
        granularity=recipe.granularity,
        overrides=frozenset(override.granularity for override in recipe.overrides),
        scales=recipe.equalize or bool(recipe.gates),
        absorb=recipe.absorb,
        content=recipe.to_json(),
    )


def installed_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that can influence the result."""
    found = {"python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found

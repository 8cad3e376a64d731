"""The manifest: all that one must know of an artifact, as JSON beside it; `manifest.schema.json` is its contract."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import dlpuconv
from dlpuconv.contract import contract_of_artifact, input_entry, output_entry
from dlpuconv.files.content import sha256_of, size_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.calibration import Preprocessing, Taken
    from dlpuconv.contract import Contract
    from dlpuconv.files.content import Content
    from dlpuconv.ir import Source
    from dlpuconv.ir.layer_names import LayerNames
    from dlpuconv.jsonable import Json
    from dlpuconv.plugin import Artifact, Target
    from dlpuconv.quantization import Recipe
    from dlpuconv.quantization.search import Trial

SCHEMA_VERSION = 1
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
    """

    source: Source
    target: Target
    recipe: Recipe
    calibration: Taken
    preprocessing: Preprocessing
    trials: tuple[Trial, ...] = ()
    backend: str
    request: Mapping[str, Json]

    def contract(self, artifact: Artifact) -> Contract:
        """How to feed and read what was made: whatever is written about that comes from here."""
        return contract_of_artifact(artifact, self.preprocessing, of_images=self.calibration.of_images)


def build_manifest(
    made: Provenance,
    artifact: Artifact,
    files: Mapping[str, Content],
    report: Mapping[str, Json],
    timings: Mapping[str, float],
) -> bytes:
    """The manifest as UTF-8 JSON.

    Args:
        made: provenance.
        artifact: as the backend made it.
        files: every delivered file by name, for the hashes.
        report: the verifier's, as JSON; its `verdict` is repeated at the top.
        timings: wall seconds by stage; empty where the manifest must be reproducible to the byte.
    """
    contract = made.contract(artifact)
    manifest: dict[str, Json] = {
        "schema_version": SCHEMA_VERSION,
        "dlpuconv": dlpuconv.__version__,
        "target": made.target.name,
        "device": made.target.device,
        "backend": made.backend,
        "request": dict(made.request),
        "verdict": report["verdict"],
        "verified": report["verdict"] == "pass",
        "files": [_file(name, content) for name, content in sorted(files.items())],
        "source": {"name": made.source.name, "sha256": made.source.sha256},
        "calibration": _calibration(made.calibration),
        "preprocessing": made.preprocessing.as_json(),
        "recipe": made.recipe.to_json(),
        "trials": [trial.to_json() for trial in made.trials],
        "inputs": [input_entry(feed) for feed in contract.inputs],
        "outputs": [output_entry(port) for port in contract.outputs],
        "layers": [_layer(names) for names in artifact.layers],
        "warnings": list(artifact.warnings),
        "facts": dict(artifact.facts),
        "report": dict(report),
        "versions": _versions(),
    }
    if timings:
        manifest["timings_s"] = {stage: round(seconds, 3) for stage, seconds in timings.items()}
    return (json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _file(name: str, content: Content) -> Json:
    return {"name": name, "sha256": sha256_of(content), "bytes": size_of(content)}


def _calibration(taken: Taken) -> Json:
    return {
        "calibrated": taken.calibrated,
        "origin": taken.origin,
        "samples": taken.fit,
        "held_out": taken.held_out,
        "digest": taken.digest,
        "of_images": taken.of_images,
        "warnings": list(taken.warnings),
    }


def _layer(names: LayerNames) -> Json:
    """What a layer of the file may be called: the name that it is shown under first."""
    return {
        "name": names.title,
        "tensor": names.tensor,
        "nodes": list(names.nodes),
        "modules": list(names.modules),
        "values": list(names.values),
    }


def _versions() -> dict[str, Json]:
    found: dict[str, Json] = {"python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found

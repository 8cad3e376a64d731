"""The manifest: all that one must know of an artifact, as JSON beside it; `manifest.schema.json` is its contract."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import dlpuconv
from dlpuconv.content import sha256_of, size_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.calibration import Preprocessing, Taken
    from dlpuconv.content import Content
    from dlpuconv.ir import InputBinding, Source
    from dlpuconv.jsonable import Json
    from dlpuconv.plugin import Artifact, Port, Target
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
        "inputs": [_input(port, artifact.bindings[port.name]) for port in artifact.inputs],
        "outputs": [_output(port) for port in artifact.outputs],
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
        "warnings": list(taken.warnings),
    }


def _port(port: Port) -> dict[str, Json]:
    return {
        "name": port.name,
        "file_name": port.name_in_file,
        "dtype": port.dtype,
        "shape": list(port.shape),
        "source_shape": list(port.source_shape),
        "permutation": list(port.permutation),
        "scale": port.scale,
        "zero_point": port.zero_point,
    }


def _output(port: Port) -> Json:
    """How to read it: `real = (q - zero_point) * scale`, permuted back; a part goes to `source[..., start:stop]`."""
    part = port.part
    return {**_port(port), "part": asdict(part) if part else None}


def _input(port: Port, binding: InputBinding) -> Json:
    """How to feed the artifact: `q = round((source * multiplier + offset) / scale) + zero_point`, then permuted."""
    return {
        **_port(port),
        "raw_pixels": binding.raw_pixels,
        "channel_order": list(binding.order),
        "multiplier": list(binding.multiplier),
        "offset": list(binding.offset),
        "channel_axis": binding.channel_axis,
    }


def _versions() -> dict[str, Json]:
    found: dict[str, Json] = {"python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found

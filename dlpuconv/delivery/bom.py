"""The bill of materials: what an artifact was made of, and by what, in the form of CycloneDX 1.6.

The form is public (https://cyclonedx.org/docs/1.6/json/). Its Python library has no model cards, so the values are put
together here; the tests hold them against the library's copy of the schema. Same facts, same bytes: the serial number
comes of the content, and there is no time in it, as there is none in the manifest.
"""

from __future__ import annotations

import json
import math
import platform
import re
import uuid
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

import dlpuconv
from dlpuconv.calibration import Origin
from dlpuconv.files.content import sha256_of
from dlpuconv.registry import backend_distribution

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dlpuconv.contract import Contract
    from dlpuconv.delivery.provenance import Provenance
    from dlpuconv.files.content import Content
    from dlpuconv.jsonable import Json
    from dlpuconv.verification.report import Report

BOM = "bom.json"
"""Its name in a package; beside a file, what its name ends with."""

_OURS = "dlpuconv"
_REQUIREMENT = re.compile(r"([\w.-]+)\s*(?:\[([^\]]*)\])?[^;]*(?:;.*\bextra\s*==\s*['\"]([^'\"]+)['\"])?")
"""Name, extras, and the extra that it is needed for, of a requirement as metadata have it."""
_SOURCE, _CALIBRATION = "source", "calibration"


def build_bom(made: Provenance, name: str, files: Mapping[str, Content], contract: Contract, report: Report) -> bytes:
    """A bill of materials as UTF-8 JSON.

    Args:
        made: provenance.
        name: of the artifact's file or folder.
        files: it, or all that is in the folder, what the chip's compiler made of it, and the parts of the network for
            the camera's CPU, by delivered name.
        contract: how to feed and read it.
        report: the verifier's.
    """
    materials = [_source(made), *_calibration(made)]
    refs: list[Json] = [material["bom-ref"] for material in materials]
    bom: dict[str, Json] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": {"components": [*_tools(made.backend)]},
            "component": _artifact(made, name, files, contract, report),
        },
        "components": [*materials],
        "dependencies": [
            {"ref": name, "dependsOn": refs},
            *({"ref": ref} for ref in refs),
        ],
    }
    content = json.dumps(bom, sort_keys=True, allow_nan=False)
    bom["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_OID, content).urn
    return (json.dumps(bom, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _artifact(
    made: Provenance, name: str, files: Mapping[str, Content], contract: Contract, report: Report
) -> dict[str, Json]:
    component: dict[str, Json] = {
        "type": "machine-learning-model",
        "bom-ref": name,
        "name": name,
        "description": f"made by dlpuconv from {made.source.name} for {made.target.title}",
    }
    if name in files:
        component["hashes"] = _hashes(sha256_of(files[name]))
    parts: list[Json] = [
        {"type": "file", "name": part, "hashes": _hashes(sha256_of(content))}
        for part, content in sorted(files.items())
        if part != name
    ]
    if parts:
        component["components"] = parts
    inputs: list[Json] = [{"format": _form(feed.port.dtype, feed.port.shape)} for feed in contract.inputs]
    outputs: list[Json] = [{"format": _form(port.dtype, port.shape)} for port in contract.outputs]
    given: list[Json] = [{"ref": material["bom-ref"]} for material in _calibration(made)]
    component["modelCard"] = {
        "modelParameters": {"datasets": given, "inputs": inputs, "outputs": outputs},
        "quantitativeAnalysis": {"performanceMetrics": [*_metrics(report)]},
    }
    component["properties"] = _properties(
        target=made.target.name,
        device=made.target.device,
        backend=made.backend,
        verdict=str(report.verdict),
        recipe=json.dumps(made.recipe.to_json()),
        preprocessing=json.dumps(made.preprocessing.as_json()),
        request=json.dumps(dict(made.request.content)),
    )
    return component


def _metrics(report: Report) -> Iterator[dict[str, Json]]:
    """What was measured, output by output; the user's own metric last."""
    for output in report.parity.outputs if report.parity else ():
        for kind, value in (("SQNR (dB)", output.sqnr_db), ("cosine", output.cosine)):
            if value is not None and math.isfinite(value):
                yield {"type": kind, "value": f"{value:.6g}", "slice": output.name}
    if report.metric is not None:
        yield {"type": report.metric.name, "value": f"{report.metric.value:.6g}"}
        yield {"type": f"{report.metric.name} of the source", "value": f"{report.metric.source:.6g}"}


def _source(made: Provenance) -> dict[str, Json]:
    return {
        "type": "machine-learning-model",
        "bom-ref": _SOURCE,
        "name": made.source.name,
        "description": "the float model that was converted",
        "hashes": _hashes(made.source.sha256),
    }


_DATA: dict[str, str] = {
    Origin.GIVEN: "samples that the user gave",
    Origin.SYNTHETIC: "synthetic samples, since none were given",
    Origin.RANDOM: "random samples",
}


def _calibration(made: Provenance) -> list[dict[str, Json]]:
    """The samples that ranges were taken from; nothing where there are none."""
    taken = made.calibration
    if not taken.samples or taken.digest is None or taken.origin not in _DATA:
        return []
    data: dict[str, Json] = {
        "type": "dataset",
        "description": f"{_DATA[taken.origin]}; the hash is of their values as the network gets them",
        "contents": {"properties": _properties(samples=str(taken.samples), held_out=str(taken.held_out))},
    }
    component: dict[str, Json] = {"type": "data", "bom-ref": _CALIBRATION, "name": "calibration samples"}
    return [{**component, "hashes": _hashes(taken.digest), "data": [data]}]


def _tools(backend: str) -> Iterator[dict[str, Json]]:
    """This program, and the installed libraries that it, and the backend, say they need."""
    yield {"type": "application", "name": _OURS, "version": dlpuconv.__version__}
    yield {"type": "platform", "name": "Python", "version": platform.python_version()}
    distribution = backend_distribution(backend)
    wanted = {*_needed(_OURS, {""}), *_needed(distribution, {"", backend})} - {_OURS}
    for library in sorted(wanted, key=str.lower):
        try:
            found = version(library)
        except PackageNotFoundError:
            continue  # needed by something else than what was done
        purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', library).lower()}@{found}"
        yield {"type": "library", "name": library, "version": found, "purl": purl}


def _needed(distribution: str, extras: set[str]) -> set[str]:
    """What a distribution requires, by itself and for these extras, and for those that they name in turn."""
    try:
        found = [match.groups(default="") for match in map(_REQUIREMENT.match, requires(distribution) or []) if match]
    except PackageNotFoundError:
        return set()
    named = {
        part.strip()
        for name, more, extra in found
        if extra in extras and name == distribution
        for part in more.split(",")
    }
    return (
        {name for name, _, extra in found if extra in extras}
        if named <= extras
        else _needed(distribution, extras | named)
    )


def _hashes(sha256: str) -> list[Json]:
    return [{"alg": "SHA-256", "content": sha256}]


def _form(dtype: str, shape: Iterable[int]) -> str:
    return f"{dtype} {list(shape)}"


def _properties(**values: str) -> list[Json]:
    return [{"name": f"{_OURS}:{name}", "value": value} for name, value in values.items()]

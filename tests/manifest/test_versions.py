"""Manifests of every version, as the dlpuconv that first had it wrote them: they are read, and written, as they are.

Version 2 is of a network whose end, Greater and NonZero, a CPU runs; version 3 of one whose final Sigmoid was left out.
"""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from dlpuconv.ir import ActivationKind, FinalActivation
from dlpuconv.manifest import Manifest

KEPT = sorted((Path(__file__).parent / "data").glob("version_*.json"))


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.name)
def test_it_is_written_as_it_was_read(file: Path) -> None:
    found = Manifest.parse(json.loads(file.read_bytes()), file.name)
    assert found.to_bytes() == file.read_bytes()
    assert file.name.startswith(f"version_{found.to_json()['schema_version']}.")


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.name)
def test_it_obeys_the_schema(file: Path, repository: Path) -> None:
    schema = json.loads((repository / "dlpuconv" / "manifest" / "manifest.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(file.read_bytes()))


def test_each_tells_what_its_version_is_for() -> None:
    told = {file.name: Manifest.parse(json.loads(file.read_bytes())) for file in KEPT}
    assert {name: found.division is not None for name, found in told.items()} == {
        "version_1.artpec8.json": False,
        "version_1.cv25.json": False,
        "version_2.artpec8.json": True,
        "version_3.artpec8.json": False,
    }
    (port,) = told["version_3.artpec8.json"].links.outputs
    assert port.activation == FinalActivation(kind=ActivationKind.SIGMOID, output="scores")

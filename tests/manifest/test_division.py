"""The section of a manifest that tells how a network was divided: written, read back, and not believed blindly."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from dlpuconv.manifest import DivisionRecord, Maker, Manifest, RestRecord, Wire
from dlpuconv.manifest.fields import FieldError, Fields
from tests.manifest.test_version_1 import BESIDE, told

if TYPE_CHECKING:
    from pathlib import Path

RECORD = DivisionRecord(
    inputs=("pixels", "thresholds"),
    front=RestRecord(
        file="m.artpec8.front.onnx",
        reads=(Wire(name="pixels", maker=Maker.SOURCE),),
        gives=("spectrum",),
        operators=("DFT 'dft'",),
    ),
    entry=(Wire(name="spectrum", maker=Maker.FRONT),),
    cut=("boxes", "scores"),
    tail=RestRecord(
        file="m.artpec8.tail.onnx",
        native="m.artpec8.tail.tflite",
        reads=(Wire(name="boxes", maker=Maker.CHIP), Wire(name="thresholds", maker=Maker.SOURCE)),
        gives=("kept",),
        operators=("NonMaxSuppression 'nms'",),
        macs=7,
    ),
    outputs=(Wire(name="kept", maker=Maker.TAIL), Wire(name="scores", maker=Maker.CHIP)),
    reasons=("NonMaxSuppression has no integer form",),
    macs=1000,
    macs_on_chip=993,
    entering=4096,
    crossing=1280,
)


def divided() -> dict[str, Any]:
    """A manifest of version 1 with a division, whose artifact has the ends that it tells of."""
    found = copy.deepcopy(told())
    found |= {"schema_version": 2, "division": RECORD.to_json()}
    found["inputs"][0]["name"] = "spectrum"
    scores = found["outputs"][0]
    found["outputs"] = [scores | {"name": name, "file_name": name} for name in ("boxes", "scores")]
    return found


def test_it_is_read_back_as_it_was_written() -> None:
    assert DivisionRecord.parse(Fields(json.loads(json.dumps(RECORD.to_json())))) == RECORD
    found = Manifest.parse(divided(), BESIDE.name)
    assert found.division == RECORD
    assert found.to_json() == divided()


def test_it_obeys_the_schema_and_only_as_version_2(repository: Path) -> None:
    schema = json.loads((repository / "dlpuconv" / "manifest" / "manifest.schema.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(divided())
    assert not validator.is_valid(divided() | {"schema_version": 1})
    assert not validator.is_valid(told() | {"schema_version": 2})


def test_it_lists_the_files_of_the_rest() -> None:
    assert RECORD.files == ("m.artpec8.front.onnx", "m.artpec8.tail.onnx", "m.artpec8.tail.tflite")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"inputs": ["pixels", "pixels"]}, "inputs holds a name twice"),
        ({"cut": "boxes"}, "cut is not a list"),
        ({"cut": ["boxes"]}, "outputs takes 'scores' from the chip, which does not give it"),
        ({"entry": [{"name": "boxes", "from": "chip"}]}, "entry takes 'boxes' from the chip, which does not give it"),
        ({"entry": [{"name": "spectrum", "from": "mars"}]}, "entry[0].from is none of source, front, chip, tail"),
        ({"front": None}, "entry takes 'spectrum' from the front, which does not give it"),
        ({"outputs": [{"name": "kept"}]}, "outputs[0].from is missing"),
        ({"macs": -1}, "macs is not a whole number"),
        ({"crossing_bytes": 2**70}, "crossing_bytes is not a whole number"),
        ({"tail": []}, "tail is not a JSON object"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(change: dict[str, Any], said: str) -> None:
    with pytest.raises(FieldError) as refusal:
        DivisionRecord.parse(Fields({**RECORD.to_json(), **change}))
    assert said in str(refusal.value)


@pytest.mark.parametrize("name", ["../m.onnx", "/etc/passwd", "a/b.onnx", "", "..", "a\0b", "a\\b"])
def test_a_file_that_is_not_beside_the_manifest_is_refused(name: str) -> None:
    rest = {**RECORD.to_json(), "tail": {**RECORD.tail.to_json(), "file": name}} if RECORD.tail else {}
    with pytest.raises(FieldError, match=r"tail\.file is not the name of a file"):
        DivisionRecord.parse(Fields(rest))


def test_ends_that_the_artifact_does_not_have_are_refused() -> None:
    content = divided()
    del content["outputs"][1]
    with pytest.raises(FieldError, match=r"division\.cut does not name the outputs of the artifact"):
        Manifest.parse(content)
    content = divided()
    content["inputs"] = told()["inputs"]
    with pytest.raises(FieldError, match=r"division\.entry does not name the inputs of the artifact"):
        Manifest.parse(content)

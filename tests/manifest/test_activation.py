"""A final activation that was left out, in the manifest: written, read back, and refused where it cannot be."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from dlpuconv.ir import ActivationKind, FinalActivation
from dlpuconv.manifest import Manifest
from tests.manifest.test_version_1 import BESIDE, told

if TYPE_CHECKING:
    from pathlib import Path

SIGMOID = {"kind": "sigmoid", "output": "scores"}
SOFTMAX = {"kind": "softmax", "output": "scores", "axis": 1}


def activated(activation: dict[str, Any]) -> dict[str, Any]:
    """A manifest of version 1 whose first output is logits."""
    found = copy.deepcopy(told()) | {"schema_version": 3}
    found["outputs"][0] |= {"name": "scores_logits", "file_name": "scores_logits", "activation": activation}
    return found


@pytest.mark.parametrize("activation", [SIGMOID, SOFTMAX])
def test_it_is_read_back_as_it_was_written_and_the_output_is_the_source_models(activation: dict[str, Any]) -> None:
    found = Manifest.parse(activated(activation), BESIDE.name)
    port = found.links.outputs[0]
    kind = ActivationKind(activation["kind"])
    assert port.activation == FinalActivation(kind=kind, output="scores", axis=activation.get("axis"))
    assert (port.name, port.source_name) == ("scores_logits", "scores")
    assert found.to_json() == activated(activation)


def test_it_obeys_the_schema_and_only_as_version_3(repository: Path) -> None:
    schema = json.loads((repository / "dlpuconv" / "manifest" / "manifest.schema.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    for activation in (SIGMOID, SOFTMAX):
        validator.validate(activated(activation))
    assert not validator.is_valid(activated(SIGMOID) | {"schema_version": 1})
    assert not validator.is_valid(told() | {"schema_version": 3})
    for wrong in (SIGMOID | {"axis": 1}, {"kind": "softmax", "output": "scores"}, SIGMOID | {"kind": "tanh"}):
        assert not validator.is_valid(activated(wrong))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (SIGMOID | {"kind": "tanh"}, r"outputs\[0\]\.activation\.kind is none of sigmoid, softmax"),
        (SIGMOID | {"axis": 1}, r"outputs\[0\]\.activation\.axis is for a softmax, which needs one"),
        ({"kind": "softmax", "output": "scores"}, r"activation\.axis is for a softmax, which needs one"),
        (SOFTMAX | {"axis": 9}, r"activation\.axis is not a whole number from 0 to"),
        (SOFTMAX | {"output": 3}, r"activation\.output is not a text"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Manifest.parse(activated(wrong), BESIDE.name)

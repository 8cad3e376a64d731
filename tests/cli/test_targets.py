"""What `dlpuconv targets` says of the numbers that files are made of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dlpuconv.cli import main

if TYPE_CHECKING:
    import pytest


def test_types_of_activations_and_weights_are_told_where_they_differ(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["targets"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["onnxruntime"].endswith("ONNX Runtime (QDQ): uint8 activations, int8 per-channel weights")
    assert ": int8, per-tensor weights, larod device" in lines["artpec8"]
    assert ": float32, larod device" in lines["cv25"]


def test_json_tells_the_type_of_activations(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["targets", "--json"]) == 0
    told = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)["targets"]}
    assert [told[name]["activations"] for name in ("onnxruntime", "artpec9", "cv25")] == ["uint8", "int8", "float32"]

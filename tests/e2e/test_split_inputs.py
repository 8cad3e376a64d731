"""A recurrent cell whose two states come in one tensor, from samples to the camera's numbers and back."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import dlpuconv
from tests.backends.tflite.models import sqnr_db

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

UNITS = 16


def cell() -> onnx.ModelProto:
    """state [2, 1, 16] -> h, c; y = tanh(h W) * sigmoid(c), as a recurrent cell mixes its states."""
    weights = np.random.default_rng(0).normal(0, 20.0, (UNITS, UNITS)).astype(np.float32)
    nodes = [
        helper.make_node("Split", ["state"], ["h", "c"], "take", axis=0),
        helper.make_node("MatMul", ["h", "w"], ["gate"], "gate"),
        helper.make_node("Tanh", ["gate"], ["t"], "tanh"),
        helper.make_node("Sigmoid", ["c"], ["s"], "sigmoid"),
        helper.make_node("Mul", ["t", "s"], ["y"], "mul"),
    ]
    graph = helper.make_graph(
        nodes,
        "cell",
        [helper.make_tensor_value_info("state", TensorProto.FLOAT, [2, "batch", UNITS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, "batch", UNITS])],
        [numpy_helper.from_array(weights, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def states(count: int) -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(1)
    h, c = (rng.uniform(-reach, reach, (count, 1, UNITS)) for reach in (0.02, 8.0))
    return {"state": np.stack([h, c], axis=1).astype(np.float32)}


def decibels(report: Any) -> float:
    (output,) = report.parity.outputs
    return float(output.sqnr_db)


def test_each_state_has_a_scale_of_its_own_and_the_manifest_tells_how_to_feed_them(tmp_path: Path) -> None:
    onnx.save(cell(), tmp_path / "cell.onnx")
    made = dlpuconv.convert(tmp_path / "cell.onnx", target="artpec8", calibration=states(60), effort="fast")
    made.save(tmp_path / "out")
    assert decibels(made["artpec8"].report) > 30
    manifest = json.loads((tmp_path / "out" / "cell.artpec8.json").read_text())
    schema = json.loads(files("dlpuconv.manifest").joinpath("manifest.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(manifest)
    assert [(entry["name"], entry["part"]) for entry in manifest["inputs"]] == [
        ("state_part0", {"input": "state", "axis": 0, "start": 0, "stop": 1}),
        ("state_part1", {"input": "state", "axis": 0, "start": 1, "stop": 2}),
    ]
    assert manifest["inputs"][0]["scale"] < manifest["inputs"][1]["scale"] / 100
    verified = dlpuconv.verify(
        tmp_path / "out" / "cell.artpec8.tflite",
        target="artpec8",
        reference=tmp_path / "cell.onnx",
        data=states(20),
    )
    assert decibels(verified.report) > 30


def test_a_loaded_file_takes_the_state_whole(tmp_path: Path) -> None:
    made = dlpuconv.convert(cell(), target="artpec8", calibration=states(60), effort="fast")
    made.save(tmp_path)
    state = states(1)["state"][0]
    session = onnxruntime.InferenceSession(cell().SerializeToString(), providers=["CPUExecutionProvider"])
    expected: Any = session.run(None, {"state": state})[0]
    with dlpuconv.load(tmp_path / "model.artpec8.tflite") as loaded:
        assert sqnr_db(expected, loaded({"state": state})["y"]) > 25


def test_a_metric_gives_the_state_whole() -> None:
    seen = []

    def metric(predict: Any) -> float:
        y = predict({"state": states(1)["state"][0]})["y"]
        seen.append(y.shape)
        return float(y.mean())

    dlpuconv.convert(cell(), target="artpec8", calibration=states(40), effort="fast", metric=metric)
    assert set(seen) == {(1, 1, UNITS)}


def test_off_keeps_the_input_whole_and_loses_the_narrow_state() -> None:
    made = dlpuconv.convert(cell(), target="artpec8", calibration=states(60), effort="fast", split_inputs="off")
    report = made["artpec8"].report
    assert [port.name for port in report.inputs] == ["state"]
    assert decibels(report) < 15

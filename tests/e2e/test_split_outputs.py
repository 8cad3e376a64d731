"""A detector that joins boxes in pixels and scores in one output, from the command line to the camera's numbers."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import dlpuconv
from tests.e2e.support import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow

type Floats = np.ndarray[Any, np.dtype[np.float32]]


def detector(path: Path, *, pixels: float) -> None:
    """[1, 3, 16, 16] -> Conv, Relu -> boxes [1, 4, 64] of about `pixels`, Sigmoid scores [1, 3, 64] -> joined."""
    rng = np.random.default_rng(5)
    arrays: dict[str, Any] = {
        "w0": rng.normal(0, 0.3, (8, 3, 3, 3)).astype(np.float32),
        "w1": rng.normal(0, 0.3, (4, 8, 1, 1)).astype(np.float32),
        "w2": rng.normal(0, 0.9, (3, 8, 1, 1)).astype(np.float32),
        "shape1": np.array([1, 4, 64]),
        "shape2": np.array([1, 3, 64]),
        "stride": np.float32(pixels / 2),
    }
    nodes = [
        helper.make_node("Conv", ["images", "w0"], ["c0"], "stem", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c0"], ["r0"], "relu"),
        helper.make_node("Conv", ["r0", "w1"], ["c1"], "box"),
        helper.make_node("Reshape", ["c1", "shape1"], ["f1"], "flat_box"),
        helper.make_node("Mul", ["f1", "stride"], ["boxes"], "scale"),
        helper.make_node("Conv", ["r0", "w2"], ["c2"], "score"),
        helper.make_node("Reshape", ["c2", "shape2"], ["f2"], "flat_score"),
        helper.make_node("Sigmoid", ["f2"], ["scores"], "sigmoid"),
        helper.make_node("Concat", ["boxes", "scores"], ["output0"], "join", axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 7, 64])],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def convert(
    sandbox: Sandbox, pixels: float, *more: str, make: Callable[..., None] = detector, status: int = 0
) -> dict[str, Any]:
    """The manifest of a conversion for ARTPEC-8."""
    model, data = sandbox.root / "detector.onnx", sandbox.root / "data.npz"
    make(model, pixels=pixels)
    np.savez(data, images=np.random.default_rng(6).uniform(-1, 1, (25, 3, 16, 16)).astype(np.float32))
    done = sandbox.run(
        "convert", str(model), "--target", "artpec8", "--calibration", str(data), "--effort", "fast",
        "--output", str(sandbox.output), *more,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    manifest: dict[str, Any] = json.loads((sandbox.output / "detector.artpec8.json").read_text())
    schema = json.loads(files("dlpuconv.manifest").joinpath("manifest.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(manifest)
    return manifest


def decoded(sandbox: Sandbox, manifest: dict[str, Any], repository: Path) -> tuple[Floats, Floats]:
    """What docs/outputs.md makes of the first reference inference, and what the source model answers to it."""
    with np.load(sandbox.output / "detector.artpec8.reference.npz") as reference:
        raw = {o["file_name"]: reference[f"output.{o['name']}"][0] for o in manifest["outputs"]}
        (image,) = manifest["inputs"]
        given = (reference["input.images"][0].astype(np.float32) - image["zero_point"]) * np.float32(image["scale"])
    section = (repository / "docs" / "outputs.md").read_text().split("## Inputs and outputs that mix ranges\n")[1]
    (recipe, *_) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    names: dict[str, Any] = {"manifest": manifest, "raw": raw, "numpy": np}
    exec(recipe, names)
    session = onnxruntime.InferenceSession(sandbox.root / "detector.onnx", providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"images": given.transpose(np.argsort(image["permutation"])).astype(np.float32)})
    return names["source"]["output0"], expected


def test_scores_beside_boxes_keep_their_steps_and_the_readme_tells_how_to_join_them(
    sandbox: Sandbox, repository: Path
) -> None:
    manifest = convert(sandbox, 640.0)
    boxes, scores = manifest["outputs"]
    assert boxes["part"] == {"output": "output0", "axis": 1, "start": 0, "stop": 4}
    assert scores["part"] == {"output": "output0", "axis": 1, "start": 4, "stop": 7}
    assert scores["scale"] == 1 / 256
    assert any("'output0' joins parts of different ranges" in told for told in manifest["report"]["warnings"])
    assert all(output["sqnr_db"] > 20 for output in manifest["report"]["parity"]["outputs"])
    assert "OUT-RANGES" not in [finding["rule"] for finding in manifest["report"]["findings"]]
    found, expected = decoded(sandbox, manifest, repository)
    assert found.shape == expected.shape
    assert np.abs(found[:, 4:] - expected[:, 4:]).max() < 0.1
    assert np.abs(found[:, :4] - expected[:, :4]).max() < 0.1 * np.abs(expected[:, :4]).max()
    header = (sandbox.output / "detector.artpec8.model_params.h").read_text()
    assert 'Output 1, "output0_part1": ' in header
    assert "It is 4 to 6 on axis 1 of the source model's output0." in header


def pose(path: Path) -> None:
    """[1, 3, 16, 16] -> Conv -> 3 keypoints of (x, y in pixels, visibility) behind one another: [1, 9, 64]."""
    rng = np.random.default_rng(5)
    ends = {"xy": (0, 2), "seen": (2, 3)}
    arrays: dict[str, Any] = {
        "w": rng.normal(0, 0.3, (9, 3, 2, 2)).astype(np.float32),
        "apart": np.array([1, 3, 3, 64]),
        "flat": np.array([1, 9, 64]),
        "pixels": np.float32(320),
        "axis": np.array([2]),
        **{f"{name}_{i}": np.array([end]) for name, both in ends.items() for i, end in enumerate(both)},
    }
    nodes = [
        helper.make_node("Conv", ["images", "w"], ["c"], "head", strides=[2, 2]),
        helper.make_node("Reshape", ["c", "apart"], ["r"], "apart"),
        *(helper.make_node("Slice", ["r", f"{n}_0", f"{n}_1", "axis"], [n], f"take_{n}") for n in ends),
        helper.make_node("Mul", ["xy", "pixels"], ["xy_pixels"], "scale"),
        helper.make_node("Sigmoid", ["seen"], ["visible"], "sigmoid"),
        helper.make_node("Concat", ["xy_pixels", "visible"], ["joined"], "join", axis=2),
        helper.make_node("Reshape", ["joined", "flat"], ["output0"], "flat"),
    ]
    graph = helper.make_graph(
        nodes,
        "pose",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 9, 64])],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def test_visibilities_between_coordinates_keep_their_steps(sandbox: Sandbox, repository: Path) -> None:
    manifest = convert(sandbox, 640.0, make=lambda path, **_: pose(path))
    points, seen = manifest["outputs"]
    assert points["part"] == {"output": "output0", "axis": 1, "start": 0, "stop": 8, "step": 3, "run": 2}
    assert seen["part"] == {"output": "output0", "axis": 1, "start": 2, "stop": 9, "step": 3, "run": 1}
    assert seen["scale"] == 1 / 256
    rules = [finding["rule"] for finding in manifest["report"]["findings"]]
    assert not {"OUT-RANGES", "TFL-CONCAT-RANGE"} & set(rules)
    found, expected = decoded(sandbox, manifest, repository)
    assert np.abs(found[:, 2::3] - expected[:, 2::3]).max() < 0.1
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()
    header = (sandbox.output / "detector.artpec8.model_params.h").read_text()
    assert "It is the first of every 3 from 2 to 8 on axis 1 of the source model's output0." in header


def test_the_verifier_reads_from_the_manifest_which_slice_an_output_is(sandbox: Sandbox) -> None:
    convert(sandbox, 640.0)
    done = sandbox.run(
        "verify", str(sandbox.output / "detector.artpec8.tflite"), "--target", "artpec8", "--reference",
        str(sandbox.root / "detector.onnx"), "--data", str(sandbox.root / "data.npz"), "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names = [output["name"] for output in json.loads(done.stdout)["parity"]["outputs"]]
    assert names == ["output0_part0", "output0_part1"]


def test_off_keeps_the_output_which_fails_for_its_scores(sandbox: Sandbox, repository: Path) -> None:
    manifest = convert(sandbox, 640.0, "--split-outputs", "off", status=1)
    (output,) = manifest["outputs"]
    assert (output["name"], output["part"]) == ("output0", None)
    assert any("kept whole" in told for told in manifest["report"]["warnings"])
    rules = {finding["rule"]: finding["hits"] for finding in manifest["report"]["findings"]}
    assert "OUT-SCORES" in rules
    assert rules["OUT-RANGES"][0]["detail"].startswith("3 of 7 slices along axis 1 span ")
    found, _ = decoded(sandbox, manifest, repository)
    assert len(np.unique(found[:, 4:])) <= 2  # what is warned of


def test_an_output_whose_parts_get_on_with_one_scale_is_left_alone(sandbox: Sandbox) -> None:
    manifest = convert(sandbox, 1.0)
    assert [output["name"] for output in manifest["outputs"]] == ["output0"]
    assert not any("joins parts" in told for told in manifest["report"]["warnings"])


def test_a_file_with_float_ends_keeps_visibilities_in_one_output(tmp_path: Path) -> None:
    """What joins unlike parts at the end stays float in a QDQ file: there is nothing to split."""
    pose(tmp_path / "pose.onnx")
    samples = np.random.default_rng(6).uniform(-1, 1, (25, 3, 16, 16)).astype(np.float32)
    made = dlpuconv.convert(
        tmp_path / "pose.onnx", target="onnxruntime", calibration={"images": samples}, effort="fast"
    )
    made.save(tmp_path / "out")
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.disable_quant_qdq", "1")  # exact where the processor has no VNNI, too
    answers = [
        onnxruntime.InferenceSession(path, options).run(None, {"images": samples[:1]})[0]
        for path in (tmp_path / "pose.onnx", next((tmp_path / "out").glob("*.onnx")))
    ]
    assert [answer.shape for answer in answers] == [(1, 9, 64)] * 2
    assert np.abs(answers[1] - answers[0])[:, 2::3].max() < 0.05

"""CV25 from end to end: the package of a real model, through the public API, and read back from disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import dlpuconv
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.verification.question import Question
from dlpuconv.verification.verifier import verify_file
from dlpuconv_targets.cv25 import CV25
from tests.models.cifar import CALIBRATION
from tests.whole_zoo import SMALL

if TYPE_CHECKING:
    from dlpuconv.workflow.conversion import Conversion

MODEL, IMAGES = SMALL / "cifar_mobilenetv2.onnx", CALIBRATION
MEAN, STD = (125.307, 122.961, 113.8575), (62.985, 62.0925, 66.708)


@pytest.fixture(scope="module")
def converted() -> Conversion:
    return dlpuconv.convert(MODEL, target="cv25", calibration=IMAGES, mean=MEAN, std=STD, cache=False)


def package_model(conversion: Conversion) -> onnx.ModelProto:
    return onnx.load_from_string(conversion.artifacts[0].artifact.stored["model.onnx"].path.read_bytes())


def test_the_package_takes_raw_pixels_and_equals_the_source(converted: Conversion) -> None:
    report = converted.report
    assert report.passed
    assert report.parity is not None
    assert report.parity.min_sqnr >= 100
    assert not [f.rule for f in report.findings]
    (port,) = converted.artifacts[0].artifact.inputs
    assert (port.shape, port.dtype) == ((1, 3, 32, 32), "float32")


def test_the_normalization_stands_in_front_as_mul_and_add(converted: Conversion) -> None:
    model = package_model(converted)
    constants = {c.name: numpy_helper.to_array(c).ravel() for c in model.graph.initializer}
    first, second, third = model.graph.node[:3]
    assert [first.op_type, second.op_type, third.op_type] == ["Mul", "Add", "Conv"]
    assert first.input[0] == "input"
    np.testing.assert_allclose(constants[first.input[1]], 1 / np.array(STD), rtol=1e-6)
    np.testing.assert_allclose(constants[second.input[1]], -np.array(MEAN) / np.array(STD), rtol=1e-6)


def test_a_saved_package_verifies_again_from_its_folder_alone(converted: Conversion, tmp_path: Path) -> None:
    (folder,) = converted.save(tmp_path)
    assert sorted(file.name for file in folder.iterdir()) == [
        "README.md", "SHA256SUMS", "amba_config.json", "compile_cv25.sh", "dra_image_bin", "manifest.json",
        "model.onnx", "reference", "representative_images",
    ]  # fmt: skip
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["verified"]
    assert manifest["facts"]["opset"] == 13
    assert manifest["inputs"][0]["raw_pixels"]
    assert verify_file(folder, CV25).passed


def test_without_any_other_option_there_is_a_package() -> None:
    conversion = dlpuconv.convert(MODEL, target="cv25")
    assert conversion.verdict == "pass"
    assert {f.rule for f in conversion.report.findings} == {"CV-RANGE", "CV-IMAGES"}
    assert any("holds none" in text for text in conversion.report.warnings)
    assert not conversion.report.calibrated  # it was compared on synthetic samples
    assert [o.version for o in package_model(conversion).opset_import] == [13]
    readme = conversion.artifacts[0].artifact.files["README.md"].decode()
    assert "Images should come to this size by **stretch**" in readme  # there are none that did


def from_tensorflow() -> onnx.ModelProto:
    """NHWC in, a transposition, a convolution; names as TensorFlow gives them."""
    weights = np.random.default_rng(1).standard_normal((4, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Transpose", ["serving_default_x:0"], ["t"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["t", "w"], ["StatefulPartitionedCall:0"], pads=[1, 1, 1, 1]),
        ],
        "g",
        [helper.make_tensor_value_info("serving_default_x:0", TensorProto.FLOAT, [1, 8, 32, 3])],
        [helper.make_tensor_value_info("StatefulPartitionedCall:0", TensorProto.FLOAT, [1, 4, 8, 32])],
        [numpy_helper.from_array(weights, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_an_interleaved_model_with_names_of_another_tool_is_compared_under_its_own(tmp_path: Path) -> None:
    source = from_tensorflow()
    samples = np.random.default_rng(2).uniform(0, 255, (100, 8, 32, 3)).astype(np.float32)
    conversion = dlpuconv.convert(
        source, target="cv25", calibration={"serving_default_x:0": samples}, mean=(10, 20, 30), std=(2, 3, 4)
    )
    model = package_model(conversion)
    assert [v.name for v in (*model.graph.input, *model.graph.output)] == [
        "serving_default_x_0",
        "StatefulPartitionedCall_0",
    ]
    assert "Transpose" not in {node.op_type for node in model.graph.node}
    assert conversion.report.passed
    assert conversion.report.parity is not None
    assert conversion.report.parity.min_sqnr >= 100
    (folder,) = conversion.save(tmp_path)
    reference = load(source, SourceOptions())
    reread = verify_file(folder, CV25, Question(reference=reference))
    assert reread.parity is not None
    assert reread.parity.min_sqnr >= 100

"""Networks whose inputs have no batch on their first axis: one picture, as detectors of torchvision take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def network(*shape: int) -> onnx.ModelProto:
    """A picture [3, H, W] or [H, W, 3] in pixels / 255 -> normalized, with a batch, Conv, Relu."""
    weights = np.random.default_rng(0).normal(0, 0.3, (8, 3, 3, 3)).astype(np.float32)
    turned = [] if shape[0] == 3 else [helper.make_node("Transpose", ["image"], ["planar"], "turn", perm=[2, 0, 1])]
    nodes = [
        *turned,
        helper.make_node("Sub", ["planar" if turned else "image", "mean"], ["centred"], "centre"),
        helper.make_node("Div", ["centred", "std"], ["normal"], "scale"),
        helper.make_node("Unsqueeze", ["normal", "first"], ["batched"], "batch"),
        helper.make_node("Conv", ["batched", "w"], ["c"], "conv", strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["y"], "relu"),
    ]
    arrays = {
        "mean": np.full((3, 1, 1), 0.45, np.float32),
        "std": np.full((3, 1, 1), 0.22, np.float32),
        "first": np.array([0]),
        "w": weights,
    }
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.mark.parametrize("shape", [(3, 16, 24), (16, 24, 3)])
def test_a_picture_without_a_batch_is_fed_as_a_camera_delivers_it(shape: tuple[int, ...], tmp_path: Path) -> None:
    proto = network(*shape)
    onnx.save(proto, tmp_path / "net.onnx")
    pictures = np.random.default_rng(1).random((40, *shape), np.float32)
    made = dlpuconv.convert(
        tmp_path / "net.onnx", target="artpec8", calibration={"image": pictures}, effort="fast", preset="0-1"
    )
    (image,) = made["artpec8"].report.inputs
    assert (image.shape, image.dtype) == ((1, 16, 24, 3), "uint8")
    made.save(tmp_path)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    expected: Any = session.run(None, {"image": pictures[0]})[0]
    with dlpuconv.load(tmp_path / "net.artpec8.tflite") as loaded:
        for given in (pictures[0], pictures[:1]):
            assert sqnr_db(expected, loaded({"image": given})["y"]) > 30

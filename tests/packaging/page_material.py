"""What single pages take for granted beside `model.onnx` and `images/`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt


def quantized_model(place: Path) -> None:
    """`model.qdq.onnx`, by ONNX Runtime's own quantizer."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    from dlpuconv.testing import network

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            self._left = iter(network.samples()[:8])

        def get_next(self) -> dict[str, object] | None:
            sample = next(self._left, None)
            return None if sample is None else {network.INPUT: sample[None]}

    onnx.save(network.network(), place / "float.onnx")
    quantize_static(place / "float.onnx", place / "model.qdq.onnx", Reader())


def tflite_model(place: Path) -> None:
    """`model.tflite`: quantized per channel, as other tools write it."""
    import dlpuconv
    from dlpuconv.testing import network

    made = dlpuconv.convert(
        network.network(), target="artpec7", calibration={network.INPUT: network.samples()}, preset="0-1",
        effort="fast", progress=None,
    )  # fmt: skip
    (place / "model.tflite").write_bytes(made["artpec7"].content)


def detector(place: Path) -> None:
    """`yolo.onnx`: boxes in pixels above scores in one output, as YOLOv8 and its heirs are exported."""
    draw = np.random.default_rng(3)
    weights: dict[str, npt.NDArray[np.generic]] = {
        "w1": draw.standard_normal((12, 3, 3, 3)).astype(np.float32) * 0.3,
        "w2": draw.standard_normal((12, 12, 3, 3)).astype(np.float32) * 0.15,
        "wb": draw.standard_normal((4, 12, 1, 1)).astype(np.float32) * 0.3,
        "ws": draw.standard_normal((3, 12, 1, 1)).astype(np.float32),
        "pixels": np.full((), 32, np.float32),
        "flat_boxes": np.array([1, 4, 64], np.int64),
        "flat_scores": np.array([1, 3, 64], np.int64),
    }
    nodes = [
        helper.make_node("Conv", ["images", "w1"], ["a"], "stem", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"], "stem relu"),
        helper.make_node("Conv", ["b", "w2"], ["c"], "body", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["d"], "body relu"),
        helper.make_node("Conv", ["d", "wb"], ["e"], "box head"),
        helper.make_node("Sigmoid", ["e"], ["f"], "box sigmoid"),
        helper.make_node("Mul", ["f", "pixels"], ["boxes"], "in pixels"),
        helper.make_node("Conv", ["d", "ws"], ["h"], "score head"),
        helper.make_node("Sigmoid", ["h"], ["scores"], "score sigmoid"),
        helper.make_node("Reshape", ["boxes", "flat_boxes"], ["i"], "flat boxes"),
        helper.make_node("Reshape", ["scores", "flat_scores"], ["j"], "flat scores"),
        helper.make_node("Concat", ["i", "j"], ["output0"], "joined", axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 7, 64])],
        [helper.make_tensor(name, TensorProto.INT64 if array.dtype == np.int64 else TensorProto.FLOAT, array.shape,
                            np.ravel(array)) for name, array in weights.items()],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), place / "yolo.onnx")


def weights_only(place: Path) -> None:
    """`weights_only.tflite`: of `tf.lite.TFLiteConverter.from_keras_model` with `optimizations = [Optimize.DEFAULT]`.

    The network is two convolutions and two dense layers of Keras, with the weights that they begin with.
    """
    shutil.copy(Path(__file__).parent / "data" / "weights_only.tflite", place)


def models_of_a_matrix(place: Path) -> None:
    """`models/` and `sounds.npz`, of which jobs are listed and none is run."""
    (place / "models").mkdir()
    for name in ("camera", "keywords"):
        shutil.copy(place / "model.onnx", place / "models" / f"{name}.onnx")
    (place / "sounds.npz").write_bytes(b"")


MATERIAL: dict[str, Callable[[Path], None]] = {
    "docs/batch.md": models_of_a_matrix,
    "docs/quantized.md": quantized_model,
    "docs/tflite.md": tflite_model,
    "docs/yolo.md": detector,
    "docs/outputs.md": detector,
    "docs/verify.md": weights_only,
}
"""By the page; each puts files into the folder that the page runs in."""

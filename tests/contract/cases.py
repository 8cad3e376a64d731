"""Real conversions, one of each kind of inputs and outputs, and what their source models answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import dlpuconv
from tests.e2e.support import IMAGES, MODEL
from tests.e2e.test_split_outputs import detector
from tests.models.cifar import EVALUATION

if TYPE_CHECKING:
    from dlpuconv.workflow.conversion import Converted
    from tests.contract.support import Array

MEAN, STD = (125.307, 122.961, 113.8575), (62.985, 62.0925, 66.708)
DEMO_OPTIONS = {"mean": MEAN, "std": STD, "granularity": "per-channel"}


@dataclass(frozen=True)
class Case:
    """One kind of file.

    Attributes:
        model: which network; see `_model`.
        options: of the conversion.
        least_db: that the answers must reach.
        calibration: which samples; see `_calibration`.
        bgr: the network's channels are blue, green, red.
        normalized: the application normalizes.
        planar: the file takes planes.
    """

    model: str
    options: dict[str, Any] = field(default_factory=dict)
    least_db: float = 20.0
    calibration: str = "folder"
    bgr: bool = False
    normalized: bool = False
    planar: bool = False
    gray: bool = False


CASES = {
    "raw": Case("demo", DEMO_OPTIONS),
    "raw int8": Case("demo", {**DEMO_OPTIONS, "input_dtype": "int8", "output_dtype": "int8"}),
    "raw planes": Case("small", {"mean": MEAN, "std": STD, "input_layout": "nchw"}, planar=True),
    "raw by scale alone": Case("small", {"preset": "0-1"}),
    "raw by scale alone, int8": Case("small", {"mean": 128, "std": 64, "input_dtype": "int8"}),
    "raw BGR": Case("small", {"mean": MEAN[::-1], "std": STD[::-1], "color": "bgr"}, bgr=True),
    "normalized": Case("small", {"mean": MEAN, "std": STD, "fold_preprocess": "off"}, normalized=True),
    "normalized BGR": Case(
        "small",
        {"mean": MEAN[::-1], "std": STD[::-1], "color": "bgr", "fold_preprocess": "off", "input_dtype": "int8"},
        bgr=True,
        normalized=True,
    ),
    "letterboxed": Case("demo", {**DEMO_OPTIONS, "resize": "letterbox"}, least_db=18.0, calibration="wide"),
    "gray": Case("gray", {"mean": 120, "std": 60, "color": "gray"}, gray=True),
    "bytes": Case("bytes", {}),
    "unstated": Case("small", {}),
    "split": Case("split", {}, calibration="arrays"),
    "two inputs": Case("two inputs", {"preset": "0-1"}, calibration="arrays"),
    "labels": Case("labels", {"preset": "0-1"}),
    "whole numbers": Case("whole numbers", {}, calibration="arrays"),
}


def pictures(count: int, *, gray: bool = False) -> Array:
    """[N, 32, 32, 3] (gray: 1) uint8: real ones, which no calibration has seen."""
    paths = sorted(EVALUATION.rglob("*.png"))[:: max(1, 200 // count)][:count]
    found = np.stack([np.asarray(Image.open(path).convert("L" if gray else "RGB")) for path in paths])
    return found[..., None] if gray else found


def wide_picture(number: int) -> Image.Image:
    """48 x 24, RGB."""
    return Image.fromarray(pictures(number + 1)[number]).resize((48, 24), Image.Resampling.BICUBIC)


@dataclass(frozen=True)
class Made:
    """A conversion, saved.

    Attributes:
        case: of which kind.
        converted: the only artifact.
        folder: where its files are.
        page: the report.
        source: the model's bytes.
    """

    case: Case
    converted: Converted
    folder: Path
    page: str
    source: bytes

    def answers(self, **values: Array) -> dict[str, Array]:
        """What the source model answers in float."""
        session = onnxruntime.InferenceSession(self.source, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(None, values), strict=True))

    def source_pixels(self, pixels: Array) -> Array:
        """[N, H, W, C] RGB pixels as the source model takes them: turned, normalized, planar."""
        options = self.case.options
        turned = pixels[..., ::-1] if self.case.bgr else pixels
        if self.case.model == "bytes":
            return np.ascontiguousarray(turned.transpose(0, 3, 1, 2))
        mean, std = (0.0, 255.0) if options.get("preset") == "0-1" else (options.get("mean", 0), options.get("std", 1))
        real = (turned.astype(np.float64) - np.array(mean)) / np.array(std)
        return np.ascontiguousarray(real.transpose(0, 3, 1, 2).astype(np.float32))


@cache
def made(name: str, root: Path, target: str = "artpec9") -> Made:
    """The conversion of a case; each once."""
    case, folder = CASES[name], root / name.replace(" ", "_").replace(",", "") / target
    folder.mkdir(parents=True)
    path = _model(case.model, folder)
    done = dlpuconv.convert(
        path, target=target, calibration=_calibration(case, folder), effort="fast", report=True, cache=False,
        min_sqnr=5, **case.options,
    )  # fmt: skip
    done.save(folder)
    return Made(case, done[target], folder, done[target].to_html(), path.read_bytes())


def _calibration(case: Case, folder: Path) -> Any:
    if case.model == "split":
        return {"images": np.random.default_rng(6).uniform(-1, 1, (25, 3, 16, 16)).astype(np.float32)}
    if case.model == "whole numbers":
        return {"ids": np.random.default_rng(6).integers(0, 50, (30, 1, 5))}
    if case.model == "two inputs":
        images = pictures(40).transpose(0, 3, 1, 2).astype(np.float32) / 255
        return {"image": images, "numbers": np.random.default_rng(6).uniform(-3, 5, (40, 1, 4)).astype(np.float32)}
    if case.calibration == "folder":
        return IMAGES
    place = folder / "wide"
    place.mkdir()
    for number in range(30):
        wide_picture(number).save(place / f"{number:03}.png")
    return place


def _model(name: str, folder: Path) -> Path:
    if name == "demo":
        return MODEL
    path = folder / f"{name.replace(' ', '_')}.onnx"
    if name == "split":
        detector(path, pixels=640.0)
    else:
        onnx.save(_embedding() if name == "whole numbers" else _network(name), path)
    return path


def _network(name: str) -> onnx.ModelProto:
    """[1, C, 32, 32] -> Conv, Relu, pooling -> `map`, Gemm -> `logits`; with `numbers` [1, 4] added, or labels."""
    rng = np.random.default_rng(5)
    channels = 1 if name == "gray" else 3
    kind = TensorProto.UINT8 if name == "bytes" else TensorProto.FLOAT
    inputs = [helper.make_tensor_value_info("image", kind, [1, channels, 32, 32])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 7])]
    gain = 1 / 255 if name in ("bytes", "small") else 1.0
    arrays = {
        "w0": rng.normal(0, 0.3 * gain, (8, channels, 3, 3)),
        "w1": rng.normal(0, 0.2, (7, 8 * 64)),
        "w2": rng.normal(0, 0.5, (7, 4)),
    }
    nodes = [
        helper.make_node("Conv", ["pixels", "w0"], ["c0"], "stem", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c0"], ["r0"], "relu"),
        helper.make_node("AveragePool", ["r0"], ["map"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["map"], ["flat"], "flat"),
        helper.make_node("Gemm", ["flat", "w1"], ["classes"], "head", transB=1),
        helper.make_node("Cast" if name == "bytes" else "Identity", ["image"], ["pixels"], **_to_float(name)),
    ]
    nodes = [nodes[-1], *nodes[:-1]]
    if name == "two inputs":
        inputs.append(helper.make_tensor_value_info("numbers", TensorProto.FLOAT, [1, 4]))
        nodes.append(helper.make_node("Gemm", ["numbers", "w2"], ["more"], "numbers", transB=1))
        nodes.append(helper.make_node("Add", ["classes", "more"], ["logits"], "sum"))
    else:
        nodes.append(helper.make_node("Identity", ["classes"], ["logits"]))
    if name == "labels":
        nodes.append(helper.make_node("ArgMax", ["map"], ["labels"], "labels", axis=1, keepdims=0))
        outputs.append(helper.make_tensor_value_info("labels", TensorProto.INT64, [1, 8, 8]))
    held = [numpy_helper.from_array(value.astype(np.float32), key) for key, value in arrays.items()]
    used = {value for node in nodes for value in node.input}
    graph = helper.make_graph(nodes, "g", inputs, outputs, [array for array in held if array.name in used])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def _to_float(name: str) -> dict[str, Any]:
    return {"to": TensorProto.FLOAT} if name == "bytes" else {}


def _embedding() -> onnx.ModelProto:
    """Rows of a table by number [1, 5], a Gemm -> `logits`."""
    rng = np.random.default_rng(5)
    arrays = {"table": rng.normal(0, 1, (50, 8)), "w": rng.normal(0, 1, (40, 7))}
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "ids"], ["rows"], "look_up"),
            helper.make_node("Flatten", ["rows"], ["flat"], "flat"),
            helper.make_node("Gemm", ["flat", "w"], ["logits"], "head"),
        ],
        "g",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, 5])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 7])],
        [numpy_helper.from_array(value.astype(np.float32), key) for key, value in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

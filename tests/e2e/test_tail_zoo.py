"""Trained networks of the zoo with the ends that users export with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import dlpuconv
from tests.e2e.test_tail import QUIET, answered, only
from tests.whole_zoo import samples, task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.zoo,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # the zoo leaves its labels open
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

node = helper.make_node


def extended(
    file: Path, nodes: Sequence[onnx.NodeProto], constants: Mapping[str, Any], outputs: Mapping[str, tuple[int, Any]]
) -> onnx.ModelProto:
    """A network with more operators behind it, and other outputs."""
    model = onnx.load(file)
    graph = model.graph
    graph.node.extend(nodes)
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items())
    del graph.output[:]
    graph.output.extend(helper.make_tensor_value_info(name, *form) for name, form in outputs.items())
    onnx.checker.check_model(model)
    return model


def faces(zoo: Path) -> onnx.ModelProto:
    """RetinaFace with its decoder and NonMaxSuppression; the landmarks stay an output of the network itself."""
    priors = task(zoo, "face_retinaface_mnet025").P
    nodes = [
        node("Split", ["515", "halves"], ["shift", "grow"], axis=2),
        node("Mul", ["shift", "per_pixel"], ["moved"]),
        node("Add", ["moved", "centers"], ["center"]),
        node("Mul", ["grow", "variance"], ["grown"]),
        node("Exp", ["grown"], ["times"]),
        node("Mul", ["times", "half"], ["reach"]),
        node("Sub", ["center", "reach"], ["first"]),
        node("Add", ["center", "reach"], ["last"]),
        node("Concat", ["first", "last"], ["boxes"], axis=2),
        node("Transpose", ["593"], ["classes"], perm=[0, 2, 1]),
        node("Slice", ["classes", "one", "two", "one"], ["scores"]),
        node("NonMaxSuppression", ["boxes", "scores", "most", "iou", "least"], ["kept"], name="nms"),
        node("Gather", ["kept", "column"], ["index"], axis=1),
        node("Gather", ["boxes", "index"], ["found"], axis=1),
    ]
    constants = {
        "halves": np.array([2, 2]), "per_pixel": priors[None, :, 2:] * 0.1, "centers": priors[None, :, :2].copy(),
        "variance": np.float32(0.2), "half": priors[None, :, 2:] / 2, "one": np.array([1]), "two": np.array([2]),
        "most": np.array([50]), "iou": np.array([0.4], np.float32), "least": np.array([0.3], np.float32),
        "column": np.array(2),
    }  # fmt: skip
    outputs = {"found": (TensorProto.FLOAT, [1, "n", 4]), "592": (TensorProto.FLOAT, [1, 4200, 10])}
    return extended(zoo / "face_retinaface_mnet025" / "model.onnx", nodes, constants, outputs)


def best_places(zoo: Path) -> onnx.ModelProto:
    """YOLO-Fastest with the ten best places of its coarse map, gathered by index, and their rows as numbers."""
    nodes = [
        node("Reshape", ["768", "flat"], ["rows"]),
        node("Slice", ["rows", "from", "to", "last"], ["classes"]),
        node("ReduceMax", ["classes"], ["top"], axes=[2], keepdims=0),
        node("TopK", ["top", "ten"], ["scores", "place"], axis=1),
        node("Unsqueeze", ["place", "last"], ["index"]),
        node("GatherND", ["rows", "index"], ["picked"], batch_dims=1),
        node("Div", ["place", "width"], ["row"]),
        node("Cast", ["row"], ["y"], to=TensorProto.FLOAT),
    ]
    constants = {
        "flat": np.array([1, 121, 95]), "from": np.array([12]), "to": np.array([92]), "last": np.array([2]),
        "ten": np.array([10]), "width": np.array([11]),
    }  # fmt: skip
    outputs = {"scores": [1, 10], "picked": [1, 10, 95], "y": [1, 10]}
    forms = {name: (TensorProto.FLOAT, shape) for name, shape in outputs.items()}
    return extended(zoo / "det_yolofastestv2" / "model.onnx", nodes, constants, forms)


def word_code(zoo: Path) -> onnx.ModelProto:
    """A keyword spotter that gives the number of its word, and arithmetic with that."""
    nodes = [
        node("ArgMax", ["Identity:0"], ["word"], axis=1, keepdims=0),
        node("Mod", ["word", "three"], ["group"]),
        node("Mul", ["group", "ten"], ["tens"]),
        node("Add", ["tens", "word"], ["code"]),
    ]
    constants = {"three": np.array(3), "ten": np.array(10)}
    return extended(
        zoo / "kws_dscnn_mlperf" / "model.onnx", nodes, constants, {"code": (TensorProto.INT64, [1])}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "make"),
    [("face_retinaface_mnet025", faces), ("det_yolofastestv2", best_places), ("kws_dscnn_mlperf", word_code)],
)
@pytest.mark.parametrize("target", ["artpec8", "cv25"])
def test_a_trained_network_is_whole_again(name: str, make: Any, target: str, zoo: Path, tmp_path: Path) -> None:
    model, given = make(zoo), samples(zoo, name, 12)
    done = dlpuconv.convert(model, target=target, calibration={"input": given}, **QUIET)
    made = only(done).provenance.divided
    if name == "face_retinaface_mnet025":
        assert made is not None
        assert made.division.share > 0.99
    (path,) = done.save(tmp_path)
    network = dlpuconv.load(path)
    for row in range(2):
        sample = {"input": given[row : row + 1]}
        expected, found = answered(model, sample), network(sample)
        assert list(found) == list(expected)
        if target == "cv25":
            for output, value in expected.items():
                np.testing.assert_allclose(found[output], value, rtol=1e-3, atol=1e-3)
        elif name == "kws_dscnn_mlperf":
            assert found["code"] == expected["code"]

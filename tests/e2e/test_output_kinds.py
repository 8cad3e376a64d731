"""What the user says of an output goes all the way: to the verdict, into the manifest, and to a later verification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import dlpuconv
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)
DATA = {"x": RNG.standard_normal((30, 3, 8, 8)).astype(np.float32)}
FAST: dict[str, Any] = {"target": "artpec8", "calibration": DATA, "effort": "fast", "cache": False, "progress": None}


def classifier() -> onnx.ModelProto:
    """Logits of ten classes: nothing in the graph tells that they are such."""
    weights = {
        "w": (RNG.standard_normal((16, 3, 3, 3)) * 0.3).astype(np.float32),
        "v": RNG.standard_normal((16, 10)).astype(np.float32),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["c"]),
            helper.make_node("Relu", ["c"], ["r"]),
            helper.make_node("GlobalAveragePool", ["r"], ["p"]),
            helper.make_node("Flatten", ["p"], ["f"]),
            helper.make_node("Gemm", ["f", "v"], ["y"]),
        ],
        "classifier",
        [helper.make_tensor_value_info("x", 1, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", 1, [1, 10])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.mark.slow
def test_a_stated_kind_decides_is_recorded_and_is_remembered_by_a_later_verification(tmp_path: Path) -> None:
    source = tmp_path / "model.onnx"
    onnx.save(classifier(), source)
    plain = dlpuconv.convert(source, **FAST).report
    assert plain.parity is not None
    assert plain.parity.kinds == ()
    made = dlpuconv.convert(source, **FAST, output_kinds={"y": "classes"})
    assert made.report.parity is not None
    (part,) = made.report.parity.kinds
    assert (part.name, part.kind, part.stated, part.good) == ("y", "classes", True, True)
    (file,) = made.save(tmp_path / "out")
    later = dlpuconv.verify(file, target="artpec8", reference=source, data=DATA, progress=None).report
    assert later.parity is not None
    assert [(part.kind, part.stated) for part in later.parity.kinds] == [("classes", True)]
    assert later.to_json()["parity"]["kinds"][0]["measure"] == "top-1 agreement"  # type: ignore[index, call-overload]
    with raises_error("option-needs-another", "output_kinds", "reference"):
        dlpuconv.verify(file, target="artpec8", output_kinds={"y": "classes"}, progress=None)


def test_a_name_or_kind_that_is_mistyped_is_refused_in_python_s_words() -> None:
    with raises_error("output-kind-misfit", "output_kinds='z'", "the model's are y"):
        dlpuconv.convert(classifier(), **FAST, output_kinds={"z": "classes"})
    with raises_error("option-value", "'classes'"):
        dlpuconv.convert(classifier(), **FAST, output_kinds={"y": "clases"})  # type: ignore[dict-item]


GRID = 8
PLACES = GRID * GRID


def detector() -> onnx.ModelProto:
    """Boxes and scores for every place, of which a TopK, on the CPU, leaves the best twenty in one output."""
    node = helper.make_node
    constants = {
        "w": RNG.standard_normal((16, 3, 3, 3)) * 0.3,
        "v": RNG.standard_normal((16, 16, 3, 3)) * 0.15,
        "u": RNG.standard_normal((7, 16, 1, 1)) * 0.3,
        "bias": np.array([0.1] * 4 + [-3.0] * 3),
        "places": np.stack(np.meshgrid(np.arange(GRID), np.arange(GRID))).reshape(1, 2, PLACES) + 0.5,
        "strides": np.full((1, PLACES), 4.0),
    }
    shapes = {
        "rows": [1, 7, PLACES], "parts": [4, 3], "halves": [2, 2], "k": [20], "last": [2], "four": [1, 1, 4],
    }  # fmt: skip
    nodes = [
        node("Conv", ["x", "w"], ["c1"], strides=[2, 2], pads=[1] * 4),
        node("Relu", ["c1"], ["r1"]),
        node("Conv", ["r1", "v"], ["c2"], strides=[2, 2], pads=[1] * 4),
        node("Relu", ["c2"], ["r2"]),
        node("Conv", ["r2", "u", "bias"], ["head"]),
        node("Reshape", ["head", "rows"], ["flat"]),
        node("Split", ["flat", "parts"], ["signed", "logits"], axis=1),
        node("Abs", ["signed"], ["distances"]),
        node("Split", ["distances", "halves"], ["lt", "rb"], axis=1),
        node("Sub", ["places", "lt"], ["p1"]),
        node("Add", ["places", "rb"], ["p2"]),
        node("Concat", ["p1", "p2"], ["corners"], axis=1),
        node("Mul", ["corners", "strides"], ["pixels"]),
        node("Sigmoid", ["logits"], ["scores"]),
        node("Transpose", ["pixels"], ["b"], perm=[0, 2, 1]),
        node("Transpose", ["scores"], ["s"], perm=[0, 2, 1]),
        node("ReduceMax", ["s"], ["best"], axes=[2], keepdims=0),
        node("ArgMax", ["s"], ["which"], axis=2, keepdims=0),
        node("TopK", ["best", "k"], ["top", "index"], axis=1),
        node("Unsqueeze", ["index", "last"], ["column"]),
        node("Tile", ["column", "four"], ["tiled"]),
        node("GatherElements", ["b", "tiled"], ["chosen"], axis=1),
        node("GatherElements", ["which", "index"], ["labels"], axis=1),
        node("Cast", ["labels"], ["real"], to=1),
        node("Unsqueeze", ["real", "last"], ["l"]),
        node("Unsqueeze", ["top", "last"], ["t"]),
        node("Concat", ["chosen", "t", "l"], ["y"], axis=2),
    ]
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("x", 1, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("y", 1, [1, 20, 6])],
        [
            *(numpy_helper.from_array(values.astype(np.float32), name) for name, values in constants.items()),
            *(numpy_helper.from_array(np.array(values), name) for name, values in shapes.items()),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.mark.slow
def test_behind_a_tail_that_sorts_them_detections_decide_and_not_the_decibels_of_rows_that_changed_places() -> None:
    data = {"x": RNG.random((60, 3, 32, 32)).astype(np.float32) * 2}
    report = dlpuconv.convert(detector(), **{**FAST, "calibration": data}).report
    assert report.parity is not None
    (rows,) = report.parity.behind
    assert rows.sqnr_db is not None
    assert rows.sqnr_db < 10
    told = {part.title: (part.kind.value, part.measure, part.agreement) for part in report.parity.kinds if part.behind}
    assert [kind for kind, _, _ in told.values()] == ["boxes", "scores", "classes"]
    assert {measure for _, measure, _ in told.values()} == {"detections that are found again"}
    assert min(agreement or 0 for _, _, agreement in told.values()) > 0.9
    assert report.passed

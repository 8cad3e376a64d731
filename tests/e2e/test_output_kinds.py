"""What the user says of an output goes all the way: to the verdict, into the manifest, and to a later verification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import dlpuconv
from dlpuconv.errors import UsageError

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


def test_a_name_or_kind_that_is_mistyped_is_refused_in_python_s_words() -> None:
    with pytest.raises(UsageError, match=r"output_kinds='z' names no output; the model's are y"):
        dlpuconv.convert(classifier(), **FAST, output_kinds={"z": "classes"})
    with pytest.raises(UsageError, match=r"did you mean 'classes'"):
        dlpuconv.convert(classifier(), **FAST, output_kinds={"y": "clases"})  # type: ignore[dict-item]

"""Pools over whole maps leave as the source has them, although the IR knows reductions only."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

import dlpuconv
from tests.backends.opsets.graphs import proto


@pytest.mark.parametrize(
    ("operator", "attributes", "leaves_as"),
    [
        ("GlobalAveragePool", {}, "GlobalAveragePool"),
        ("GlobalMaxPool", {}, "GlobalMaxPool"),
        ("AveragePool", {"kernel_shape": [4, 5]}, "GlobalAveragePool"),
        ("ReduceMean", {"axes": [2, 3]}, "ReduceMean"),
        ("ReduceMax", {"axes": [2, 3]}, "ReduceMax"),
    ],
)
def test_a_pool_stays_a_pool_and_a_reduction_a_reduction(
    operator: str, attributes: dict[str, Any], leaves_as: str
) -> None:
    model = proto([helper.make_node(operator, ["x"], ["y"], **attributes)], {"x": (1, 3, 4, 5)}, ["y"], opset=17)
    samples = {"x": np.random.default_rng(3).standard_normal((5, 3, 4, 5)).astype(np.float32)}
    conversion = dlpuconv.convert(model, target="cv25", calibration=samples, cache=False)
    assert conversion.verdict == "pass"
    made = onnx.load_from_string(conversion.artifacts[0].artifact.stored["model.onnx"].path.read_bytes())
    assert [node.op_type for node in made.graph.node] == [leaves_as]

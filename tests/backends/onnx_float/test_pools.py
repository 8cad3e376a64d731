"""Reductions over whole maps, as compilers know them."""

from __future__ import annotations

import numpy as np
import onnx_ir
import pytest
from onnx import helper

from dlpuconv.passes.editor import Editor
from dlpuconv_backends.onnx_float.pools import restore_pools
from tests.backends.onnx_float.graphs import proto, run, sqnr_db

X = np.random.default_rng(3).standard_normal((1, 3, 4, 5)).astype(np.float32)


@pytest.mark.parametrize(
    ("operator", "axes", "keepdims", "becomes"),
    [
        ("ReduceMean", [2, 3], 1, "GlobalAveragePool"),
        ("ReduceMax", [2, 3], 1, "GlobalMaxPool"),
        ("ReduceMean", [2], 1, "ReduceMean"),
        ("ReduceMean", [1, 2, 3], 1, "ReduceMean"),
        ("ReduceMean", [2, 3], 0, "ReduceMean"),
        ("ReduceSum", [2, 3], 1, "ReduceSum"),
    ],
)
def test_a_reduction_of_whole_maps_becomes_a_pool_and_computes_the_same(
    operator: str, axes: list[int], keepdims: int, becomes: str
) -> None:
    model = proto(
        [helper.make_node(operator, ["x", "axes"], ["y"], keepdims=keepdims)],
        {"x": X.shape}, ["y"], opset=18, constants={"axes": np.asarray(axes, np.int64)},
    )  # fmt: skip
    ir = onnx_ir.from_proto(model)
    restore_pools(Editor(ir))
    after = onnx_ir.to_proto(ir)
    assert [node.op_type for node in after.graph.node] == [becomes]
    expected, got = (run(graph.SerializeToString(), {"x": X})["y"] for graph in (model, after))
    assert sqnr_db(expected, got) > 130

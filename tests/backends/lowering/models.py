"""Small ONNX models for lowering, built by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir
from onnx import helper, numpy_helper

from dlpuconv.ir import Model, Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

type Shapes = Mapping[str, Sequence[int]]


def model(
    nodes: list[onnx.NodeProto],
    inputs: Shapes,
    outputs: Shapes,
    constants: Mapping[str, Any] | None = None,
    opset: int = 17,
) -> Model:
    """A model with every shape inferred."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(k, onnx.TensorProto.FLOAT, v) for k, v in inputs.items()],
        [helper.make_tensor_value_info(k, onnx.TensorProto.FLOAT, v) for k, v in outputs.items()],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    onnx.checker.check_model(proto)
    return Model(
        graph=onnx_ir.from_proto(onnx.shape_inference.infer_shapes(proto)), source=Source(name="test", sha256="")
    )


def convolution(shape: tuple[int, ...] = (1, 3, 6, 8), channels: int = 4) -> Model:
    """x -> Conv 3x3 -> Relu -> y."""
    random = np.random.default_rng(3)
    return model(
        [
            helper.make_node("Conv", ["x", "w", "b"], ["c"], "the conv", pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["c"], ["y"], "the relu"),
        ],
        {"x": shape},
        {"y": (shape[0], channels, *shape[2:])},
        {
            "w": random.normal(0, 1, (channels, shape[1], 3, 3)).astype(np.float32),
            "b": random.normal(0, 1, channels).astype(np.float32),
        },
    )

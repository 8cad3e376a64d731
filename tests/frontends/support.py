"""A builder for small ONNX models, and ONNX Runtime to run them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from dlpuconv.frontends import SourceOptions, load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.ir import Model

type Shape = Sequence[int | str | None] | None

node = helper.make_node


def value(name: str, shape: Shape, kind: int = onnx.TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def build(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    weights: Mapping[str, np.ndarray[Any, Any]] | None = None,
    **more: Any,
) -> onnx.ModelProto:
    """A model; `more` may hold opset, ir, domains (name -> version) and functions."""
    tensors = [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()]
    imports = [helper.make_opsetid(d, v) for d, v in {"": more.get("opset", 17), **more.get("domains", {})}.items()]
    return helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs, tensors),
        opset_imports=imports,
        ir_version=more.get("ir", 8),
        functions=more.get("functions", []),
    )


def conv(shape: Shape = (1, 3, 8, 8), dtype: Any = np.float32) -> onnx.ModelProto:
    """x -> Conv 'conv' (4 filters of 3x3, padded) -> c -> Relu 'relu' -> y."""
    weights = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(dtype)
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return build(
        [node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]), node("Relu", ["c"], ["y"], name="relu")],
        [value("x", shape, kind)],
        [value("y", None, kind)],
        {"w": weights},
    )


def chain(*nodes: onnx.NodeProto, shape: Shape = (1, 4), weights: Any = None, **more: Any) -> onnx.ModelProto:
    """A model from x to y."""
    return build(nodes, [value("x", shape)], [value("y", None)], weights, **more)


def read(source: Any, *, cut_at: Any = (), **shapes: Any) -> Model:
    return load(source, SourceOptions(input_shapes=shapes, cut_at=tuple(cut_at)))


def operators(model: Model) -> list[str]:
    return [n.op_type for n in model.graph.graph]


def run(model: Model | bytes, **feeds: Any) -> list[np.ndarray[Any, Any]]:
    """Outputs in ONNX Runtime, not optimized; random inputs of seed 0 where none are given."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    content = model if isinstance(model, bytes) else model.to_bytes()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    kinds = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
    for entry in session.get_inputs():
        if entry.name not in feeds:
            feeds[entry.name] = np.random.default_rng(0).standard_normal(entry.shape)
        feeds[entry.name] = feeds[entry.name].astype(kinds.get(entry.type, feeds[entry.name].dtype))
    return list(session.run(None, feeds))

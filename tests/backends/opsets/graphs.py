"""Small ONNX models by hand, and how they are run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir
from onnx import TensorProto, helper, numpy_helper

from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.ir import Model, Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt


def proto(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int]],
    outputs: Sequence[str],
    *,
    opset: int,
    constants: Mapping[str, Any] | None = None,
) -> onnx.ModelProto:
    """A model of float inputs, with shapes inferred."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)) for name, shape in inputs.items()],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = helper.find_min_ir_version_for(model.opset_import)
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    for value in model.graph.output:
        if not value.type.HasField("tensor_type"):  # GroupNormalization has no inference; it keeps the shape
            value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, list(*inputs.values())))
    return model


def model_of(built: onnx.ModelProto) -> Model:
    return Model(graph=onnx_ir.from_proto(built), source=Source(name="test", sha256="0" * 64))


def run(content: bytes, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
    return OrtRunner(content).run(inputs)


def sqnr_db(expected: npt.NDArray[np.generic], got: npt.NDArray[np.generic]) -> float:
    signal, noise = np.square(expected, dtype=np.float64), np.square(np.subtract(expected, got, dtype=np.float64))
    return float(10 * np.log10(signal.sum() / max(noise.sum(), 1e-300)))

"""Quantized models in ONNX's text, and the two ways to run them: as they are, and read with their scales put back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir

from dlpuconv.ir.fake_quantized import fake_quantized
from tests.frontends.support import read, run

if TYPE_CHECKING:
    from dlpuconv.ir import Model


def quantized(
    nodes: str, constants: str = "", takes: str = "float[1,2,4,4] x", gives: str = "y", opset: int = 21
) -> onnx.ModelProto:
    """A model of nodes and constants in ONNX's text; `gives` has its outputs, whose types need not be known."""
    outputs = ", ".join(name if "[" in name else f"float[] {name}" for name in gives.split("|"))
    text = f'<ir_version: 10, opset_import: ["" : {opset}, "com.microsoft" : 1]> g ({takes}) => ({outputs})'
    model = onnx.parser.parse_model(f"{text} <{constants}> {{ {nodes} }}")
    for output in model.graph.output:
        if "[" not in gives:
            output.type.tensor_type.ClearField("shape")
    return model


def both(proto: onnx.ModelProto, **feeds: np.ndarray[Any, Any]) -> tuple[list[Any], list[Any]]:
    """What the quantized model computes, and what is read of it computes with its scales put back."""
    return run(proto.SerializeToString(), **feeds), run(with_scales(read(proto)), **feeds)


def computes_the_same(proto: onnx.ModelProto, **feeds: np.ndarray[Any, Any]) -> None:
    """Check that what is read is the quantized model to the last bit."""
    for found, wanted in zip(*both(proto, **feeds), strict=True):
        np.testing.assert_array_equal(found, wanted)


def with_scales(model: Model) -> bytes:
    return bytes(onnx_ir.to_proto(fake_quantized(model)).SerializeToString())

"""The float graph of a quantized source with its scales put back: what the source computes, in float arithmetic.

Round(Clip(x / scale)) * scale is what QuantizeLinear and DequantizeLinear compute. They are not used themselves, since
ONNX Runtime replaces them with integer kernels, which round once more; nor are Round and Clip, which opset 10 lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import onnx_ir

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.ir.given_scales import StatedScale
    from dlpuconv.ir.model import Model

_WHOLE: Final = np.float32(1.5 * 2**23)
"""Added to a code and taken away again, it leaves the nearest whole number, and the even one of two: beside it, float32
has no room for fractions."""


def fake_quantized(model: Model) -> onnx_ir.Model:
    """A graph of its own that computes with every activation rounded as the source states it.

    Weights lie on their grids already. Names of inputs and outputs are the model's; a value that is rounded keeps its
    name, and what it was before is that name with `_unrounded`.

    Args:
        model: not changed.
    """
    graph = model.copy().graph
    values = {value.name: value for value in onnx_ir.convenience.create_value_mapping(graph.graph).values()}
    for name, stated in model.scales.activations.items():
        value = values.get(name)
        if value is not None and not value.is_initializer():
            _round(graph.graph, value, stated)
    return graph


def _round(graph: onnx_ir.Graph, value: onnx_ir.Value, stated: StatedScale) -> None:
    """Let every reader of a value read it rounded."""
    name, affine, codes = str(value.name), stated.affine, stated.codes
    scale = _constant(graph, np.float32(affine.scale), f"{name}_scale")
    low = _constant(graph, np.float32(codes.lowest - affine.zero_point), f"{name}_lowest")
    high = _constant(graph, np.float32(codes.highest - affine.zero_point), f"{name}_highest")
    whole = _constant(graph, _WHOLE, f"{name}_whole")
    readers = list(value.uses())
    steps = [
        divided := onnx_ir.node("Div", [value, scale]),
        above := onnx_ir.node("Max", [*divided.outputs, low]),
        clipped := onnx_ir.node("Min", [*above.outputs, high]),
        raised := onnx_ir.node("Add", [*clipped.outputs, whole]),
        rounded := onnx_ir.node("Sub", [*raised.outputs, whole]),
        real := onnx_ir.node("Mul", [*rounded.outputs, scale]),
    ]
    for number, node in enumerate(steps):
        node.name = f"{name}_rounding_{number}"
        made = node.outputs[0]
        made.name, made.type, made.shape = f"{node.name}_output", value.type, value.shape
    result = real.outputs[0]
    for use in readers:
        use.node.replace_input_with(use.idx, result)
    if value.is_graph_output():
        for index, output in enumerate(graph.outputs):
            if output is value:
                graph.outputs[index] = result
    if not value.is_graph_input():
        value.name, result.name = f"{name}_unrounded", name
    maker = value.producer()
    if maker is None:
        first = next(iter(graph))
        graph.insert_before(first, steps)
    else:
        graph.insert_after(maker, steps)


def _constant(graph: onnx_ir.Graph, number: npt.NDArray[np.float32] | np.float32, name: str) -> onnx_ir.Value:
    tensor = onnx_ir.tensor(np.asarray(number), name=name)
    value = onnx_ir.Value(name=name, shape=onnx_ir.Shape(()), type=onnx_ir.TensorType(tensor.dtype), const_value=tensor)
    graph.register_initializer(value)
    return value

"""BATCH_MATMUL(x, constant) [+ ADD(bias)] -> FULLY_CONNECTED(x, constant, bias).

A bias in the int32 accumulator is exact where an int8 ADD rounds twice, and FULLY_CONNECTED is on every chip's list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Operator, Tensor
from dlpuconv_backends.tflite.legalize.edit import fused_activation

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer import Graph


def rewrite(graph: Graph) -> list[str]:
    """Rewrite every float BATCH_MATMUL whose second operand is one constant matrix; the names of those."""
    done: list[str] = []
    for op in [o for o in graph.operators if o.kind == "BATCH_MATMUL"]:
        matrix = _matrix(op)
        if matrix is None or len(op.output.shape) < 2:
            continue
        _replace(graph, op, matrix)
        done.append(op.source_name or op.output.name)
    return done


def _matrix(op: Operator) -> npt.NDArray[np.float32] | None:
    """[N, K] weights, or None where the product is not of this form."""
    x, constant = op.input(0), op.input(1)
    if constant.data is None or x.is_constant or getattr(op.options, "adjX", False) or x.dtype != np.float32:
        return None
    if any(extent != 1 for extent in constant.shape[:-2]) or len(x.shape) != len(op.output.shape):
        return None
    matrix = constant.data.reshape(constant.shape[-2:])
    return np.ascontiguousarray(matrix if getattr(op.options, "adjY", False) else matrix.T)


def _replace(graph: Graph, op: Operator, matrix: npt.NDArray[np.float32]) -> None:
    weights = Tensor.constant(f"{op.input(1).name}_{op.output.name}_weights", matrix)
    addition = _bias_addition(graph, op, matrix.shape[0])
    options = schema.FullyConnectedOptionsT()
    options.keepNumDims = True
    inputs: list[Tensor | None] = [op.input(0), weights]
    out, last = op.output, op
    if addition is not None:
        constant = next(t for t in addition.inputs if t is not None and t.data is not None)
        assert constant.data is not None
        inputs.append(Tensor.constant(f"{constant.name}_bias", np.ascontiguousarray(constant.data.reshape(-1))))
        options.fusedActivationFunction = fused_activation(addition)
        out, last = addition.output, addition
    else:
        inputs.append(Tensor.constant(f"{op.output.name}_bias", np.zeros(matrix.shape[0], np.float32)))
    layer = Operator("FULLY_CONNECTED", inputs, [out], options, op.source_name or last.source_name)
    graph.insert_before(op, layer)
    graph.remove({op, last})


def _bias_addition(graph: Graph, op: Operator, channels: int) -> Operator | None:
    """The ADD of one constant a column that alone reads the product, or None."""
    readers = graph.consumers().get(op.output, [])
    if len(readers) != 1 or readers[0].kind != "ADD" or op.output in graph.outputs:
        return None
    constants = [t for t in readers[0].inputs if t is not None and t.data is not None]
    if len(constants) != 1 or constants[0].shape[-1:] != (channels,) or constants[0].data is None:
        return None
    return readers[0] if constants[0].data.size == channels and readers[0].output.shape == op.output.shape else None

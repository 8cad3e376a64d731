"""Outputs as the source model has them, where TFLite's operators make something else of them.

y (int32)  ->  CAST     ->  y (int64)      where the operator knows no int64
y [1]      ->  RESHAPE  ->  y []           where it makes a vector of a number
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer.build import reshape
from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    from dlpuconv.plugin.onnx import Signature
    from dlpuconv_backends.flatbuffer.graph import Graph
    from dlpuconv_backends.lowering.shapes import Shapes


def restore_outputs(graph: Graph, signature: Signature, shapes: Shapes) -> None:
    """Give each output the type and the shape that the source model says, in place.

    Args:
        graph: with its outputs in the model's order.
        signature: of the model.
        shapes: those that the graph's values really have, by name.
    """
    for index, spec in enumerate(signature.outputs):
        if shapes.get(spec.name) == (1,) and spec.shape == ():
            graph.outputs[index].shape = (1,)
            _behind(graph, index, (), graph.outputs[index].dtype)
        wanted = np.dtype(spec.dtype)
        if wanted != graph.outputs[index].dtype and {wanted.kind, graph.outputs[index].dtype.kind} == {"i"}:
            _behind(graph, index, graph.outputs[index].shape, wanted)


def _behind(graph: Graph, index: int, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> None:
    """Put an operator behind an output that makes it of another shape or type, under the output's name."""
    inner = graph.outputs[index]
    output = Tensor(inner.name, shape, dtype, source_names=inner.source_names)
    inner.name += "/made"
    maker = graph.producers().get(inner)
    moved = dtype == inner.dtype
    new = reshape(inner, shape, output) if moved else Operator("CAST", [inner], [output], schema.CastOptionsT())
    new.source_name = maker.source_name if maker else ""
    graph.operators.append(new)
    graph.outputs[index] = output

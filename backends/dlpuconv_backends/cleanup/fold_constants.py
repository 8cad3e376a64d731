"""op(constants) -> constant; SHAPE(x) -> constant; a computed shape of RESHAPE -> constant.

The ONNX graph holds no arithmetic on constants any more, but lowering writes some of its own: how many pixels a window
of a pool that leaves out its padding has, masks, shapes. LiteRT computes it, which knows what lowering meant: the
constant part of the graph is run once as a graph of its own.
"""

from __future__ import annotations

from math import prod

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.constants import constant_input
from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor
from dlpuconv_backends.flatbuffer.loaded import LoadedGraph

_RANDOM = frozenset(("RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL"))
_LARGEST = 1 << 24  # elements; a bigger constant costs more in the file than the operator that makes it


def fold_constants(graph: Graph) -> int:
    """Replace what depends on constants only; how many operators went.

    Raises:
        BackendError: LiteRT cannot compute the constant part.
    """
    _shapes_are_known(graph)
    foldable: dict[Tensor, Operator] = {}
    for op in graph.operators:
        given = all(t is None or t.is_constant or t in foldable for t in op.inputs)
        small = all(prod(t.shape) <= _LARGEST for t in op.outputs)
        if given and small and op.kind not in _RANDOM:
            foldable.update(dict.fromkeys(op.outputs, op))
    operators = list(dict.fromkeys(foldable.values()))
    if not operators:
        return 0
    dead = set(operators)
    needed = {t for op in graph.operators if op not in dead for t in op.inputs if t in foldable}
    results = sorted(needed | (set(graph.outputs) & set(foldable)), key=list(foldable).index)
    if results:
        _compute(Graph([], results, operators))
    graph.remove(operators)
    return len(operators)


def _shapes_are_known(graph: Graph) -> None:
    for op in graph.operators:
        if op.kind == "SHAPE":
            op.output.data = np.array(op.input(0).shape, op.output.dtype)
        elif op.kind == "RESHAPE" and constant_input(op, 1) is None:
            shape = np.array(op.output.shape, np.int32)
            op.options = schema.ReshapeOptionsT()
            op.options.newShape = shape
            op.inputs[1:] = [Tensor.constant(f"{op.output.name}/shape", shape)]
    graph.operators = [op for op in graph.operators if op.kind != "SHAPE"]


def _compute(constant_part: Graph) -> None:
    """Turn the outputs of a graph without inputs into constants."""
    outputs = constant_part.outputs
    network = LoadedGraph(constant_part, purpose="compute the constants of the lowered model")
    for tensor, values in zip(outputs, network.run({}), strict=True):
        tensor.data, tensor.shape, tensor.dtype = values, values.shape, values.dtype

"""op(constants) -> constant; SHAPE(x) -> constant; a computed shape of RESHAPE -> constant.

All shapes are static, so whatever is computed from shapes and constants alone is a constant. LiteRT computes it: the
constant part of the graph is run once as a graph of its own.
"""

from __future__ import annotations

from math import prod

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.errors import BackendError
from dlpuconv_backends.cleanup.constants import constant_input
from dlpuconv_backends.flatbuffer.codec import encode
from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor

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
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    names = [t.name for t in constant_part.outputs]
    for index, tensor in enumerate(constant_part.outputs):
        tensor.name = f"constant_{index}"
    try:
        interpreter = Interpreter(
            model_content=encode(constant_part),
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        interpreter.allocate_tensors()
        interpreter.invoke()
        found = {d["name"]: interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()}
    except (RuntimeError, ValueError) as error:
        raise BackendError(f"LiteRT cannot compute the constants of the lowered model: {error}") from error
    for tensor, name in zip(constant_part.outputs, names, strict=True):
        values = np.array(found[tensor.name])
        tensor.name, tensor.data, tensor.shape, tensor.dtype = name, values, values.shape, values.dtype

"""op(constants) -> constant; Shape(x), Size(x) of static shape -> constant.

Needs inputs of static shape, constants as initializers and no control flow, as the frontends leave them. Leaves every
value that ONNX's rules can tell with dtype and static shape, and no arithmetic on shapes: the graph is walked once, in
order, so that each node is seen with all that its predecessors turned out to be.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.formats.onnx_values import evaluate
from dlpuconv.ir.operators import CONTROL_FLOW, RANDOM
from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import Sweep
from dlpuconv.passes.editor import Editor, static_shape
from dlpuconv.passes.inference import infer

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir

LARGE = 1 << 18
"""Elements from which a folded constant must not have more than what it was computed from."""

MOST_WEIGHTS = 1 << 26
"""Elements that a model's constants may come to by weights that are written as a rule: a filling, an expansion."""

_WEIGHTS = {"Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1} | dict.fromkeys(
    ("GatherElements", "GatherND", "ScatterElements", "ScatterND"), 1
)
"""By operator, the input that has to be a constant for a chip: weights, and places (see `constant_indices`)."""

_STAY = RANDOM | CONTROL_FLOW | {"Dropout", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"}
"""Never computed: what is no constant, and what the ranges that training chose are read from."""


def fold_constants(editor: Editor, *, infer_all: bool = True) -> int:
    """Walk the graph once; the result is how many nodes went.

    Args:
        editor: the graph.
        infer_all: also find the shapes that the graph states already; what a file states may be wrong.
    """
    editor.graph.sort()
    return sum(_fold(editor, n, infer_all) for n in list(editor.graph) if n.graph is editor.graph and n.domain == "")


def _fold(editor: Editor, node: onnx_ir.Node, infer_all: bool) -> bool:
    if infer_all or any(static_shape(o) is None for o in node.outputs):
        infer(node, editor.opset)
    outputs, results = [o for o in node.outputs if o.name], _results(editor, node)
    if results is None or len(results) != len(outputs):
        return False
    made = [_make_constant(editor, output, result) for output, result in zip(outputs, results, strict=True)]
    editor.remove_unused(node)
    return any(made)


def _results(editor: Editor, node: onnx_ir.Node) -> list[npt.NDArray[Any]] | None:
    if node.op_type in ("Shape", "Size"):
        measured = _measure(node)
        return None if measured is None else [measured]
    inputs = [editor.array(value) for value in node.inputs]
    given = inputs and not any(x is None and v is not None for x, v in zip(inputs, node.inputs, strict=True))
    if not given or node.op_type in _STAY:
        return None
    if _blows_up(node, sum(x.size for x in inputs if x is not None)) and not _makes_weights(editor, node):
        return None
    return evaluate(node, inputs, editor.opset)


def _measure(node: onnx_ir.Node) -> npt.NDArray[Any] | None:
    shape = static_shape(node.inputs[0])
    if shape is None:
        return None
    if node.op_type == "Size":
        return np.asarray(np.prod(shape, dtype=np.int64), np.int64)
    end = attrs.integer(node, "end", len(shape))
    return np.asarray(shape[attrs.integer(node, "start", 0) : end], np.int64)


def _blows_up(node: onnx_ir.Node, read: int) -> bool:
    return _written(node) > max(LARGE, read)


def _makes_weights(editor: Editor, node: onnx_ir.Node) -> bool:
    """Whether nothing but weights come of it, maybe by way of other foldable nodes, and there is room for them."""
    held = sum(value.const_value.size for value in editor.graph.initializers.values() if value.const_value is not None)
    if held + _written(node) > MOST_WEIGHTS:
        return False
    waiting, seen = list(node.outputs), {node}
    while waiting:
        value = waiting.pop()
        if not value.uses() or value.is_graph_output():
            return False
        for reader, index in value.uses():
            if _WEIGHTS.get(reader.op_type) == index:
                continue
            if any(editor.array(other) is None for i, other in enumerate(reader.inputs) if i != index):
                return False
            if reader not in seen:
                seen.add(reader)
                waiting += reader.outputs
    return True


def _written(node: onnx_ir.Node) -> int:
    return sum(math.prod(shape) for output in node.outputs if (shape := static_shape(output)) is not None)


def _make_constant(editor: Editor, output: onnx_ir.Value, result: npt.NDArray[Any]) -> bool:
    node = output.producer()
    assert node is not None
    if output.is_graph_output():
        # ONNX Runtime takes a constant as an output only through a node.
        if node.op_type == "Identity":
            return False
        editor.substitute(node, editor.add(node, "Identity", [editor.constant(result, f"{output.name}_value")]))
        return True
    constant = editor.constant(result, f"{output.name}_value")
    editor.replace(output, constant)
    return True


PASS = Sweep("fold-constants", "folded into a constant", fold_constants)
AGAIN = Sweep("fold-constants", "folded into a constant", partial(fold_constants, infer_all=False))

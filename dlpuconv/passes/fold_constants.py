"""op(constants) -> constant; Shape(x), Size(x) of static shape -> constant; If(constant) -> the branch.

Needs inputs of static shape. Leaves every value that ONNX's rules can tell with dtype and static shape, no Constant
node, and no arithmetic on shapes: the graph is walked once, in order, so that each node is seen with all that its
predecessors turned out to be.
"""

from __future__ import annotations

import math
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.formats.onnx_values import evaluate
from dlpuconv.ir.operators import RANDOM
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

_WEIGHTS = {"Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1}
"""By operator, the input that chips want to be a constant."""

_NOT_CONSTANT = RANDOM | {"Dropout"}
# The ranges that training chose are read from these, so they stay.
_QUANTIZATION = frozenset(("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"))


def fold_constants(editor: Editor, *, infer_all: bool = True) -> int:
    """Walk the graph once; the result is how many nodes went.

    Args:
        editor: the graph.
        infer_all: also find the shapes that the graph states already; what a file states may be wrong.
    """
    editor.graph.sort()
    fired = 0
    pending = deque(editor.graph)
    while pending:
        node = pending.popleft()
        if node.graph is not editor.graph or node.domain != "":
            continue
        if node.op_type == "If":
            inlined = _inline_branch(editor, node)
            pending.extendleft(reversed(inlined))
            fired += bool(inlined)
            continue
        fired += _fold(editor, node, infer_all)
    return fired


def _fold(editor: Editor, node: onnx_ir.Node, infer_all: bool) -> bool:
    if node.op_type == "Constant":
        return _settle(editor, node, _constant(node))
    if infer_all or any(static_shape(o) is None for o in node.outputs):
        infer(node, editor.opset)
    if node.op_type in ("Shape", "Size"):
        return _settle(editor, node, _measure(node))
    if node.op_type in _NOT_CONSTANT | _QUANTIZATION or any(
        a.type.name in ("GRAPH", "GRAPHS") for a in node.attributes.values()
    ):
        return False
    inputs = [editor.array(value) for value in node.inputs]
    if not inputs or any(x is None and value is not None for x, value in zip(inputs, node.inputs, strict=True)):
        return False
    if _blows_up(node, sum(x.size for x in inputs if x is not None)) and not _makes_weights(editor, node):
        return False
    results = evaluate(node, inputs, editor.opset)
    if results is None or len(results) != sum(bool(o.name) for o in node.outputs):
        return False
    done = False
    for output, result in zip([o for o in node.outputs if o.name], results, strict=True):
        done |= _make_constant(editor, output, result)
    editor.remove_unused(node)
    return done


def _constant(node: onnx_ir.Node) -> npt.NDArray[Any] | None:
    for name, attribute in node.attributes.items():
        if name == "value":
            return np.asarray(attribute.as_tensor().numpy())
        if name in ("value_float", "value_floats"):
            return np.asarray(attribute.value, np.float32)
        if name in ("value_int", "value_ints"):
            return np.asarray(attribute.value, np.int64)
    return None  # strings and sparse tensors


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


def _settle(editor: Editor, node: onnx_ir.Node, result: npt.NDArray[Any] | None) -> bool:
    if result is None:
        return False
    done = _make_constant(editor, node.outputs[0], result)
    editor.remove_unused(node)
    return done


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


def _inline_branch(editor: Editor, node: onnx_ir.Node) -> list[onnx_ir.Node]:
    """Move the nodes of the taken branch in front of the If node, and drop it."""
    condition = editor.array(node.inputs[0])
    if condition is None or condition.size != 1:
        return []
    branch = node.attributes["then_branch" if condition.item() else "else_branch"].as_graph()
    for initializer in list(branch.initializers.values()):
        tensor = initializer.const_value
        assert tensor is not None
        initializer.replace_all_uses_with(
            editor.constant(tensor.numpy(), initializer.name or "constant"), replace_graph_outputs=True
        )
    nodes = list(branch)
    results = list(branch.outputs)
    branch.outputs.clear()
    branch.remove(nodes)
    for inner in nodes:
        inner.name = editor.unique(inner.name or inner.op_type)
        for output in inner.outputs:
            output.name = editor.unique(output.name or inner.name)
    editor.graph.insert_before(node, nodes)
    for old, new in zip(list(node.outputs), results, strict=True):
        if editor.can_replace(old, new):
            editor.replace(old, new)
        else:
            through = editor.add(node, "Identity", [new])
            editor.replace(old, through, adopt_name=True)
            nodes.append(through.producer())  # type: ignore[arg-type] # just made by a node
    editor.remove_unused(node)
    return nodes


PASS = Sweep("fold-constants", "computed from constants alone", fold_constants)
AGAIN = Sweep("fold-constants", "computed from constants alone", partial(fold_constants, infer_all=False))

"""Transpose ∘ Transpose -> Transpose; Transpose ∘ elementwise ∘ Transpose -> elementwise; Conv ∘ Transpose ∘ Mul.

Needs static shapes. A Transpose goes through operators that work on each element alone as long as another Transpose
waits behind them, so that pairs meet and cancel; tf2onnx and PyTorch's permutes leave such pairs. Where channels come
last, a Mul or Add by constants in front of a Conv has a Transpose behind it (a Reshape, of one channel): it goes behind
that, where the Conv takes it (see `fold_affine`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, rank, static_shape

if TYPE_CHECKING:
    import onnx_ir

UNARY = frozenset((
    "Abs", "Celu", "Clip", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Mish", "Neg",
    "Reciprocal", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Tanh", "ThresholdedRelu",
))  # fmt: skip
"""Operators that work on each element alone and have one activation as input."""

BINARY = frozenset(("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow"))


def merge(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Merge a Transpose with the one in front of it."""
    perm = permutation(node)
    x = node.inputs[0]
    before = x.producer() if x is not None else None
    if perm is None or before is None or before.op_type != "Transpose":
        return None
    first = permutation(before)
    if first is None:
        return None
    merged = [first[p] for p in perm]
    if merged == sorted(merged):
        if before.inputs[0] is None or not editor.can_replace(node.outputs[0], before.inputs[0]):
            return "it is an output of the graph"
        editor.replace(node.outputs[0], before.inputs[0])
    else:
        editor.substitute(node, editor.add(node, "Transpose", [before.inputs[0]], {"perm": merged}))
    return FIRED


def sink(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Move a Transpose behind the elementwise operator that alone reads it, if a Transpose waits further down."""
    perm = permutation(node)
    reader = editor.only_reader(node.outputs[0])
    if perm is None or reader is None or reader.op_type not in UNARY | BINARY:
        return None
    if not _meets_transpose(reader, np.argsort(perm).tolist()):
        return "no Transpose that undoes it follows behind the next operators"
    inputs: list[onnx_ir.Value | None] = []
    for value in reader.inputs:
        moved = _before_transpose(editor, reader, value, node, perm)
        if moved is None and value is not None:
            return f"{value.name} is not transposed in the same way"
        inputs.append(moved)
    attributes = {name: attribute.value for name, attribute in reader.attributes.items()}
    inner = editor.add(reader, reader.op_type, inputs, attributes)
    editor.substitute(reader, editor.add(reader, "Transpose", [inner], {"perm": perm}))
    return FIRED


def lift(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Move the move that convolutions read in front of the Mul or Add by a constant that it alone reads."""
    x, uses = node.inputs[0], list(node.outputs[0].uses())
    affine = x.producer() if x is not None else None
    if x is None or affine is None or affine.op_type not in ("Mul", "Add"):
        return None
    if not uses or any(use.node.op_type != "Conv" or use.idx for use in uses) or node.outputs[0].is_graph_output():
        return None
    if editor.only_reader(x) is None:
        return "something else reads what it transposes"
    perm = permutation(node) if node.op_type == "Transpose" else None
    inputs = [_after_move(editor, value, perm) for value in affine.inputs]
    sources = [k for k, value in enumerate(inputs) if value is None]
    if len(sources) != 1 or static_shape(source := affine.inputs[sources[0]]) != static_shape(x):
        return "what is in front is not arithmetic with a constant"
    attributes = {name: attribute.value for name, attribute in node.attributes.items()}
    inputs[sources[0]] = editor.add(node, node.op_type, [source, *node.inputs[1:]], attributes)
    editor.substitute(node, editor.add(node, affine.op_type, inputs))
    return FIRED


def _after_move(editor: Editor, value: onnx_ir.Value | None, perm: list[int] | None) -> onnx_ir.Value | None:
    """A constant as it broadcasts over what is moved; None for an activation, and where only one number would do."""
    array = editor.array(value)
    if array is None or value is None or (perm is None and array.size > 1):
        return None
    if array.size == 1:
        return editor.constant(array.reshape(()), value.name or "constant") if array.ndim else value
    assert perm is not None
    full = array.reshape((1,) * (len(perm) - array.ndim) + array.shape)
    return editor.constant(full.transpose(perm), value.name or "constant")


def _before_transpose(
    editor: Editor, reader: onnx_ir.Node, value: onnx_ir.Value | None, node: onnx_ir.Node, perm: list[int]
) -> onnx_ir.Value | None:
    """What the reader has to read instead of `value` when the Transpose comes after it."""
    if value is None:
        return None
    if value is node.outputs[0]:
        return node.inputs[0]
    other = value.producer()
    if other is not None and other.op_type == "Transpose" and permutation(other) == perm:
        return other.inputs[0]
    array = editor.array(value)
    if array is None or array.size == 1:
        return value if array is not None else None
    if reader.op_type in UNARY:
        return value
    full = array.reshape((1,) * (len(perm) - array.ndim) + array.shape)
    return editor.constant(full.transpose(np.argsort(perm)), value.name or "constant")


def _meets_transpose(node: onnx_ir.Node, inverse: list[int]) -> bool:
    """True if every path from here runs through elementwise operators into a Transpose by `inverse`."""
    pending, seen = [node], {node}
    while pending:
        current = pending.pop()
        if current.outputs[0].is_graph_output():
            return False
        for use in current.outputs[0].uses():
            after = use.node
            if after.op_type == "Transpose" and permutation(after) == inverse:
                continue
            if after.op_type not in UNARY | BINARY or rank(after.outputs[0]) != len(inverse):
                return False
            if after not in seen:
                seen.add(after)
                pending.append(after)
    return True


def permutation(node: onnx_ir.Node) -> list[int] | None:
    """The perm of a Transpose, reversal when it states none; None when the rank is unknown."""
    given = attrs.integers(node, "perm")
    if given is not None:
        return given
    shape = static_shape(node.inputs[0])
    return None if shape is None else list(reversed(range(len(shape))))


MERGE = Rewrite("merge-transposes", "Transposes merged", ("Transpose",), merge)
LIFT = Rewrite("lift-moves", "Transpose moved in front of a factor or summand", ("Transpose", "Reshape"), lift)
SINK = Rewrite("sink-transposes", "Transpose moved towards the one that undoes it", ("Transpose",), sink)

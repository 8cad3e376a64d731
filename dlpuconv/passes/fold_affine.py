"""(Mul | Add) by constants ∘ linear -> linear; and Mul ∘ Mul -> Mul, Add ∘ Add -> Add, Mul ∘ Add -> Add ∘ Mul.

Needs quotients and differences spelled as Mul and Add (see `canonical_arithmetic`). A linear operator is a Conv,
ConvTranspose or Gemm with constant weights; any factor or summand that is one number, or one number a channel, is
folded. The map also goes back through what it commutes with: Concat on channels, Add, Resize.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.passes.absorb_affine import absorb
from dlpuconv.passes.affine import ScaleShift
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, rank, static_shape

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir


def as_affine(editor: Editor, node: onnx_ir.Node) -> tuple[onnx_ir.Value, ScaleShift] | str | None:
    """The activation that a Mul or Add changes, and its factors, [C] along axis 1 or [1]; else a reason or None."""
    for constant, other in ((1, 0), (0, 1)):
        array = editor.array(node.inputs[constant])
        x = node.inputs[other]
        if array is None or x is None or array.dtype.kind != "f":
            continue
        dims = rank(x)
        if dims is None or static_shape(x) != static_shape(node.outputs[0]):
            return "the constant broadcasts the activation"
        factors = along_channels(array, dims)
        if factors is None:
            return "the constant has not one value per channel"
        if node.op_type == "Mul":
            return x, ScaleShift(factors, np.zeros(1))
        return x, ScaleShift(np.ones(1), factors)
    return None


def along_channels(array: npt.NDArray[Any], dims: int) -> npt.NDArray[np.float64] | None:
    """A constant that broadcasts over rank `dims`, as [C] along axis 1 or as [1]; None if it varies elsewhere."""
    if array.size == 1:
        return array.astype(np.float64).ravel()
    full = (1,) * (dims - array.ndim) + array.shape
    if len(full) != dims or dims < 2 or any(d != 1 for i, d in enumerate(full) if i != 1):
        return None
    return array.astype(np.float64).ravel()


def fold_behind(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Fold a Mul or Add by constants into the linear operators that feed it and nothing else."""
    found = as_affine(editor, node)
    if found is None or isinstance(found, str):
        return found
    x, affine = found
    refusal = absorb(editor, x, affine)
    if refusal is not None:
        return refusal
    editor.replace(node.outputs[0], x, adopt_name=True)
    return FIRED


def merge(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Merge with the Mul or Add in front, and let a factor pass a summand to reach the operator in front."""
    found = as_affine(editor, node)
    if found is None or isinstance(found, str):
        return found
    x, affine = found
    before = x.producer()
    if before is None or before.op_type not in ("Mul", "Add") or editor.only_reader(x) is None:
        return None
    inner = as_affine(editor, before)
    if inner is None or isinstance(inner, str):
        return inner
    source, first = inner
    dims = rank(source) or 0
    if before.op_type == node.op_type == "Mul":
        result = affine_node(editor, node, "Mul", source, first.scale * affine.scale, dims)
    elif before.op_type == node.op_type == "Add":
        result = affine_node(editor, node, "Add", source, first.shift + affine.shift, dims)
    elif node.op_type == "Mul":
        scaled = affine_node(editor, node, "Mul", source, affine.scale, dims)
        result = affine_node(editor, node, "Add", scaled, first.shift * affine.scale, dims)
    else:
        return None
    editor.substitute(node, result)
    return FIRED


def affine_node(
    editor: Editor, node: onnx_ir.Node, operator: str, x: onnx_ir.Value, factors: npt.NDArray[np.float64], dims: int
) -> onnx_ir.Value:
    """X * factors or x + factors; the factors [C] along axis 1 of x, whose rank is `dims`, or [1]."""
    shape = (1, -1, *[1] * (dims - 2)) if factors.size > 1 else ()
    return editor.add(
        node, operator, [x, editor.constant(factors.astype(np.float32).reshape(shape), f"{node.name}_factor")]
    )


BEHIND = Rewrite("fold-affine-behind", "Mul or Add folded into the layer in front", ("Mul", "Add"), fold_behind)
MERGE = Rewrite("merge-affine", "Muls and Adds merged", ("Mul", "Add"), merge)

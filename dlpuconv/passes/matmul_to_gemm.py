"""Add(constants) ∘ MatMul(x [N, K], constants) -> Gemm; Gemm<alpha, beta> -> Gemm; Gemm(x, y) -> MatMul.

Needs static shapes. TFLite's FULLY_CONNECTED is a Gemm, bias included, and only Gemm has a place for the factors and
summands around it. MatMul of higher rank stays, as there is no Gemm of that rank. What is computed is no part of a
Gemm: weights make it a MatMul, a bias is added behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, optional_input, rank

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir


def to_gemm(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """A product of matrices with constants on the right -> Gemm."""
    x, weight = node.inputs[0], editor.array(node.inputs[1])
    if weight is None or weight.dtype.kind != "f":
        return None
    if rank(x) != 2 or weight.ndim != 2:
        return "its operands are not of rank 2"
    turned = editor.constant(np.ascontiguousarray(weight.T), f"{node.name}_weight")
    editor.substitute(node, editor.add(node, "Gemm", [x, turned], {"transB": 1}))
    return FIRED


def plain(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Fold alpha and beta into constant weights and bias; take what is not constant out."""
    alpha, beta = attrs.number(node, "alpha", 1.0), attrs.number(node, "beta", 1.0)
    given = optional_input(node, 2)
    weight, bias = editor.array(node.inputs[1]), editor.array(given)
    if weight is None or (given is not None and bias is None):
        return _take_apart(editor, node, given)
    if alpha == beta == 1.0:
        return None
    node.replace_input_with(1, _scaled(editor, weight, alpha, f"{node.name}_weight"))
    if bias is not None:
        node.replace_input_with(2, _scaled(editor, bias, beta, f"{node.name}_bias"))
    for name in ("alpha", "beta"):
        node.attributes.pop(name, None)
    return FIRED


def _take_apart(editor: Editor, node: onnx_ir.Node, given: onnx_ir.Value | None) -> Outcome:
    """Spell `alpha op(a) op(b) + beta c` an operator at a time."""
    sides = [
        editor.add(node, "Transpose", [value], {"perm": [1, 0]}) if attrs.integer(node, flag, 0) else value
        for value, flag in zip(node.inputs[:2], ("transA", "transB"), strict=True)
    ]
    product = _times(editor, node, editor.add(node, "MatMul", sides), "alpha")
    if given is not None:
        product = editor.add(node, "Add", [product, _times(editor, node, given, "beta")])
    editor.substitute(node, product)
    return FIRED


def _times(editor: Editor, node: onnx_ir.Node, value: onnx_ir.Value, name: str) -> onnx_ir.Value:
    factor = attrs.number(node, name, 1.0)
    if factor == 1.0:
        return value
    assert value.dtype is not None
    scale = editor.constant(np.asarray(factor, value.dtype.numpy()), f"{node.name}_{name}")
    return editor.add(node, "Mul", [value, scale])


def _scaled(editor: Editor, array: npt.NDArray[Any], factor: float, hint: str) -> onnx_ir.Value:
    return editor.constant((array * np.float64(factor)).astype(array.dtype), hint)


TO_GEMM = Rewrite("matmul-to-gemm", "MatMul rewritten as a fully connected layer", ("MatMul",), to_gemm)
PLAIN = Rewrite("plain-gemm", "alpha and beta folded into the weights", ("Gemm",), plain)

"""Add(constants) ∘ MatMul(x [N, K], constants) -> Gemm; Gemm<alpha, beta> -> Gemm.

Needs static shapes. TFLite's FULLY_CONNECTED is a Gemm, bias included, and only Gemm has a place for the factors and
summands around it. MatMul of higher rank stays, as there is no Gemm of that rank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, rank

if TYPE_CHECKING:
    import onnx_ir


def to_gemm(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """A product of matrices with constants on the right -> Gemm."""
    x, weight = node.inputs[0], editor.array(node.inputs[1])
    if weight is None or weight.dtype.kind != "f":
        return None
    if rank(x) != 2 or weight.ndim != 2:
        return "it is not of rank 2"
    turned = editor.constant(np.ascontiguousarray(weight.T), f"{node.name}_weight")
    editor.substitute(node, editor.add(node, "Gemm", [x, turned], {"transB": 1}))
    return FIRED


def plain(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Fold alpha and beta into constant weights and bias."""
    alpha, beta = attrs.number(node, "alpha", 1.0), attrs.number(node, "beta", 1.0)
    given = node.inputs[2] if len(node.inputs) > 2 else None
    weight, bias = editor.array(node.inputs[1]), editor.array(given)
    if alpha == beta == 1.0:
        return None
    if weight is None or (given is not None and bias is None):
        return "its weights or bias are not constant"
    node.replace_input_with(
        1, editor.constant((weight * np.float64(alpha)).astype(weight.dtype), f"{node.name}_weight")
    )
    if bias is not None:
        node.replace_input_with(2, editor.constant((bias * np.float64(beta)).astype(bias.dtype), f"{node.name}_bias"))
    for name in ("alpha", "beta"):
        node.attributes.pop(name, None)
    return FIRED


TO_GEMM = Rewrite("matmul-to-gemm", ("MatMul",), to_gemm)
PLAIN = Rewrite("plain-gemm", ("Gemm",), plain)

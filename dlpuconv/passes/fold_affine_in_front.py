"""Conv ∘ (Mul | Add) by constants -> Conv; the same for Gemm.

Needs explicit padding. All readers must be linear. A summand is folded only where no reader pads, because padding
adds zeros after it; but then x * a + b in front of padding Convs becomes x + b / a, with `a` in the weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.affine import ScaleShift
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, rank
from dlpuconv.passes.fold_affine import affine_node, as_affine

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir


def fold_in_front(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Fold a Mul or Add by constants into the linear operators that read it."""
    found = as_affine(editor, node)
    if found is None or isinstance(found, str):
        return found
    x, affine = found
    output = node.outputs[0]
    uses = list(output.uses())
    if not uses or any(use.node.op_type not in ("Conv", "Gemm") or use.idx != 0 for use in uses):
        return None
    if output.is_graph_output():
        return f"{output.name} is an output of the graph"
    readers = [use.node for use in uses]
    for reader in readers:
        reason = _refuse(editor, reader)
        if reason:
            return reason
    if affine.shift.any() and any(_pads(reader) for reader in readers):
        return _scale_alone(editor, node, affine, readers)
    for reader in readers:
        _fold(editor, reader, affine)
        reader.replace_input_with(0, x)
    editor.remove_unused(node)
    return FIRED


def _pads(node: onnx_ir.Node) -> bool:
    return any(attrs.integers(node, "pads") or [0])


def _refuse(editor: Editor, node: onnx_ir.Node) -> str:
    given = node.inputs[2] if len(node.inputs) > 2 else None
    if editor.array(node.inputs[1]) is None or (given is not None and editor.array(given) is None):
        return f"the weights of {node.name} are not constant"
    plain = not attrs.integer(node, "transA", 0) and all(attrs.number(node, a, 1.0) == 1.0 for a in ("alpha", "beta"))
    return "" if node.op_type == "Conv" or plain else f"{node.name} is no plain matrix product"


def _scale_alone(editor: Editor, node: onnx_ir.Node, affine: ScaleShift, readers: list[onnx_ir.Node]) -> Outcome:
    """Conv(x * a + b) -> Conv'(x + b / a), where `node` adds b."""
    scaled = next((v for v in node.inputs if editor.array(v) is None), None)
    before = scaled.producer() if scaled is not None else None
    if scaled is None or before is None or before.op_type != "Mul" or editor.only_reader(scaled) is None:
        return "a layer behind pads with zeros, which the Add does not change"
    found = as_affine(editor, before)
    if found is None or isinstance(found, str) or found[1].scale.size > 1 or abs(found[1].scale[0]) < 1e-6:
        return "a layer behind pads with zeros, and the factor in front is not one constant to divide by"
    x, inner = found
    output = affine_node(editor, node, "Add", x, affine.shift / inner.scale, rank(x) or 0)
    for reader in readers:
        _fold(editor, reader, ScaleShift(inner.scale, np.zeros(1)))
        reader.replace_input_with(0, output)
    editor.remove_unused(node)
    return FIRED


def _fold(editor: Editor, node: onnx_ir.Node, affine: ScaleShift) -> None:
    weight = editor.array(node.inputs[1])
    bias = editor.array(node.inputs[2]) if len(node.inputs) > 2 else None
    assert weight is not None
    folded, added = _through(node, weight, affine)
    if affine.shift.any():
        total = (added if bias is None else added + bias.astype(np.float64)).astype(weight.dtype)
        if len(node.inputs) < 3:
            node.resize_inputs(3)
        node.replace_input_with(2, editor.constant(total, f"{node.name}_bias"))
    node.replace_input_with(1, editor.constant(folded, f"{node.name}_weight"))


def _through(
    node: onnx_ir.Node, weight: npt.NDArray[Any], affine: ScaleShift
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Weight for the unscaled input, and what the summand adds to the bias, [C_out]."""
    wide = weight.astype(np.float64)
    if node.op_type == "Gemm":
        transposed = attrs.integer(node, "transB", 0)
        rows = wide if transposed else wide.T  # [N, K]
        scale, shift = (np.broadcast_to(v, rows.shape[1:]) for v in (affine.scale, affine.shift))
        folded = rows * scale
        return (folded if transposed else folded.T).astype(weight.dtype), rows @ shift
    groups = attrs.integer(node, "group", 1)
    channels = weight.shape[1] * groups
    scale, shift = (np.broadcast_to(v, (channels,)).reshape(groups, 1, -1) for v in (affine.scale, affine.shift))
    grouped = wide.reshape(groups, weight.shape[0] // groups, weight.shape[1], -1)
    added = (grouped.sum(-1) * shift).sum(-1).ravel()
    return (grouped * scale[..., None]).reshape(weight.shape).astype(weight.dtype), added


PASS = Rewrite("fold-affine-in-front", "Mul or Add folded into the layer behind", ("Mul", "Add"), fold_in_front)

"""Conv ∘ Pad -> Conv; AveragePool ∘ Pad -> AveragePool; MaxPool ∘ Pad(-inf) -> MaxPool; Pad ∘ Pad -> Pad.

Needs explicit padding. Only what is added at the spatial axes is folded, and only where it means the same: zeros for
Conv, zeros that count for AveragePool, and for MaxPool values that no maximum can be below: -inf, or zero where the
input is known to be non-negative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, rank
from dlpuconv.passes.ranges import is_non_negative

if TYPE_CHECKING:
    import onnx_ir


def merge_pads(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Merge a constant Pad with the constant Pad in front of it."""
    x = node.inputs[0]
    before = x.producer() if x is not None else None
    if before is None or before.op_type != "Pad":
        return None
    first, second = padding(editor, before), padding(editor, node)
    if first is None or second is None or fill(editor, before) != fill(editor, node):
        return "the two pads do not add the same constant"
    if (np.minimum(first, 0) * np.maximum(second, 0)).any():
        return "the first cuts off what the second adds"
    total = editor.constant(np.asarray(first) + np.asarray(second), f"{node.name}_pads")
    value = editor.constant(np.asarray(fill(editor, node), np.float32), f"{node.name}_value")
    editor.substitute(node, editor.add(node, "Pad", [before.inputs[0], total, value]))
    return FIRED


def fold_pad(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Fold the Pad in front of a Conv or pool into it."""
    x = node.inputs[0]
    pad = x.producer() if x is not None else None
    if pad is None or pad.op_type != "Pad":
        return None
    amounts, value = padding(editor, pad), fill(editor, pad)
    if amounts is None:
        return "the pad in front is not of constant values and amounts"
    reason = _mismatch(node, pad, value)
    if reason:
        return reason
    dims = len(amounts) // 2
    if any(a < 0 for a in amounts) or any(amounts[i] or amounts[dims + i] for i in (0, 1)):
        return "the pad in front is not at spatial axes alone"
    own = attrs.integers(node, "pads") or [0] * (2 * (dims - 2))
    kernel = attrs.integers(node, "kernel_shape") or []
    merged = (np.asarray(own) + np.asarray([*amounts[2:dims], *amounts[dims + 2 :]])).tolist()
    if node.op_type != "Conv" and any(p >= k for p, k in zip(merged, kernel * 2, strict=True)):
        return "a pool cannot be padded by as much as its kernel"
    attrs.put(node, "pads", merged)
    if node.op_type == "AveragePool":
        attrs.put(node, "count_include_pad", 1)
    node.replace_input_with(0, pad.inputs[0])
    editor.remove_unused(pad)
    return FIRED


def _mismatch(node: onnx_ir.Node, pad: onnx_ir.Node, value: float) -> str:
    """Why values of the pad are not what the node itself would pad with, or an empty string."""
    if node.op_type == "Conv":
        return "" if value == 0 else f"it pads with {value}, a Conv with 0"
    if attrs.integer(node, "ceil_mode", 0):
        return "a pool with ceil_mode treats its own padding differently"
    if node.op_type == "AveragePool":
        own = attrs.pads(node) and not attrs.integer(node, "count_include_pad", 0)
        return "" if value == 0 and not own else "the average does not count padding"
    if value <= np.finfo(np.float32).min or (value == 0 and is_non_negative(pad.inputs[0]) and not attrs.pads(node)):
        return ""
    return f"it pads with {value}, and the input of the MaxPool may be below"


def padding(editor: Editor, node: onnx_ir.Node) -> list[int] | None:
    """[2 * rank] elements added at the begin and end of all axes by a Pad of a constant, or None."""
    if attrs.text(node, "mode", "constant") != "constant":
        return None
    if len(node.inputs) > 2 and node.inputs[2] is not None and editor.scalar(node.inputs[2]) is None:
        return None
    return amounts_of(editor, node)


def amounts_of(editor: Editor, node: onnx_ir.Node) -> list[int] | None:
    """[2 * rank] elements added at the begin and end of all axes by a Pad of any mode, or None if they are unknown."""
    dims = rank(node.inputs[0])
    amounts = editor.integers(node.inputs[1])
    if dims is None or amounts is None:
        return None
    if len(node.inputs) < 4 or node.inputs[3] is None:
        return amounts
    axes = editor.integers(node.inputs[3])
    if axes is None:
        return None
    full = [0] * (2 * dims)
    for i, axis in enumerate(axes):
        full[axis % dims], full[axis % dims + dims] = amounts[i], amounts[i + len(axes)]
    return full


def fill(editor: Editor, node: onnx_ir.Node) -> float:
    """The value that a Pad adds."""
    given = editor.scalar(node.inputs[2]) if len(node.inputs) > 2 else None
    return 0.0 if given is None else given


MERGE = Rewrite("merge-pads", "Pads merged", ("Pad",), merge_pads)
FOLD = Rewrite("fold-pads", "Pad folded into the layer's padding", ("Conv", "MaxPool", "AveragePool"), fold_pad)

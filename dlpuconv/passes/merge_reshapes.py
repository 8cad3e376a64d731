"""Flatten, Squeeze, Unsqueeze -> Reshape; Reshape ∘ Reshape -> Reshape.

Needs static shapes. Leaves one spelling for every change of shape that keeps the order of the elements, with the
extents written out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape

if TYPE_CHECKING:
    import onnx_ir


def to_reshape(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Spell the node as a Reshape to constant extents, of the first value in a chain of such nodes."""
    shape = static_shape(node.outputs[0])
    x = node.inputs[0]
    if shape is None or x is None or 0 in shape:
        return "its output has no static shape"
    before = x.producer()
    chained = before is not None and before.op_type == "Reshape" and before.graph is editor.graph
    if node.op_type == "Reshape" and not chained and editor.integers(node.inputs[1]) == list(shape):
        return None
    source = before.inputs[0] if chained and before is not None else x
    editor.substitute(node, editor.reshape(node, source, shape))
    return FIRED


PASS = Rewrite("merge-reshapes", "rewritten as one Reshape", ("Reshape", "Flatten", "Squeeze", "Unsqueeze"), to_reshape)

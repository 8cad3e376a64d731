"""ArgMax<select_last_index>(x) -> n - 1 - ArgMax(x back to front): TFLite and chips know only the first of equals.

Needs static shapes. Source: https://onnx.ai/onnx/operators/onnx__ArgMax.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape

if TYPE_CHECKING:
    import onnx_ir


def count_from_the_end(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Rewrite one ArgMax or ArgMin."""
    if not attrs.integer(node, "select_last_index", 0):
        return None
    shape, axis = static_shape(node.inputs[0]), attrs.integer(node, "axis", 0)
    if shape is None:
        return "its shape is unknown"
    order = editor.constant(np.arange(shape[axis])[::-1], f"{node.name}_order")
    turned = editor.add(node, "Gather", [node.inputs[0], order], {"axis": axis})
    settings = {"axis": axis, "keepdims": attrs.integer(node, "keepdims", 1)}
    found = editor.add(node, node.op_type, [turned], settings)
    last = editor.constant(np.asarray(shape[axis] - 1, np.int64), f"{node.name}_last")
    editor.substitute(node, editor.add(node, "Sub", [last, found]))
    return FIRED


PASS = Rewrite("last-index", "counted from the end, for the last of equals", ("ArgMax", "ArgMin"), count_from_the_end)

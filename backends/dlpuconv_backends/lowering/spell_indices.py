"""GatherElements(x, i) -> GatherElements(x, (i + n) mod n).

ONNX counts negative indices from the end, and GATHER_ND refuses them when it runs. Source: https://onnx.ai/onnx/operators/onnx__GatherElements.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.plugin.onnx import Editor, static_shape

if TYPE_CHECKING:
    import onnx_ir

_COUNTED = frozenset(("ArgMax", "ArgMin", "Mod", "NonZero", "TopK"))
"""Operators whose integers are not negative: of indices, or of what was done here before."""
_MOVES = frozenset(("Cast", "Expand", "Gather", "Reshape", "Slice", "Squeeze", "Tile", "Transpose", "Unsqueeze"))


def may_be_negative(editor: Editor, node: onnx_ir.Node) -> bool:
    """Whether the indices are computed, and not by what counts from the front."""
    value = node.inputs[1]
    while value is not None and (maker := value.producer()) is not None and maker.op_type in _MOVES:
        value = maker.inputs[0]
    maker = value.producer() if value is not None else None
    return editor.array(value) is None and (maker is None or maker.op_type not in _COUNTED)


def spell(editor: Editor, node: onnx_ir.Node) -> None:
    """Rewrite one GatherElements."""
    indices, shape = node.inputs[1], static_shape(node.inputs[0])
    if indices is None or indices.dtype is None or shape is None:
        return
    extent = np.asarray(shape[node.attributes.get_int("axis", 0)], indices.dtype.numpy())
    count = editor.constant(extent, f"{node.name}_extent")
    node.replace_input_with(1, editor.add(node, "Mod", [editor.add(node, "Add", [indices, count]), count]))

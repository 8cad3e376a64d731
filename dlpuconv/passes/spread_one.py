"""Resize along axes of extent 1 -> Resize<nearest>: every interpolation between one value and itself copies it.

Integer kernels of interpolation compute positions in fixed point, and TensorFlow Lite's reads behind the end of such a
map; copies are exact. Axes that are longer than 1 are interpolated before, by a Resize of their own.

Needs static shapes, and Resizes spelled out for all axes (canonical_moves.RESIZE).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, optional_input, static_shape
from dlpuconv.passes.eliminate_noops import crops

if TYPE_CHECKING:
    import onnx_ir

_COPY = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def spread(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Copy along the axes of extent 1."""
    before, after = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    if before is None or after is None or "axes" in node.attributes:
        return None
    if attrs.text(node, "mode", "nearest") == "nearest" or crops(node):
        return None
    ones = [axis for axis, extent in enumerate(before) if extent == 1 != after[axis]]
    if not ones:
        return None
    x = node.inputs[0]
    if any(axis not in ones and extent != after[axis] for axis, extent in enumerate(before)):
        if attrs.text(node, "keep_aspect_ratio_policy", "stretch") != "stretch":
            return "its sizes keep an aspect ratio"
        x = _interpolated(editor, node, ones)
        if x is None:
            return "its extents are not constant"
    sizes = editor.constant(np.asarray(after, np.int64), f"{node.name}_sizes")
    editor.substitute(node, editor.add(node, "Resize", [x, None, None, sizes], _COPY))
    return FIRED


def _interpolated(editor: Editor, node: onnx_ir.Node, ones: list[int]) -> onnx_ir.Value | None:
    """The same Resize, but for the axes that stay 1; None while its scales or sizes are not constants."""
    inputs: list[onnx_ir.Value | None] = [node.inputs[0], None]
    for position in (2, 3):
        values = editor.array(optional_input(node, position))
        if values is None or not values.size:  # empty scales stand for none
            inputs.append(None)
            continue
        values = values.copy()
        values[ones] = 1
        return editor.add(
            node, "Resize", [*inputs, editor.constant(values, f"{node.name}_longer")], dict(node.attributes)
        )
    return None


PASS = Rewrite("spread-one", "Resize of a single value rewritten as copies", ("Resize",), spread)

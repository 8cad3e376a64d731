"""Pad<some axes> -> Pad of all axes; Pad that takes away -> Slice, and a Pad of what it adds.

Needs static shapes and constants folded. Source: https://onnx.ai/onnx/operators/onnx__Pad.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, optional_input, static_shape

if TYPE_CHECKING:
    import onnx_ir

_PADS, _AXES = 1, 3


def respell(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Rewrite one Pad."""
    shape, pads = static_shape(node.inputs[0]), editor.integers(node.inputs[_PADS])
    named = optional_input(node, _AXES)
    if shape is None or pads is None:
        return "its shape or its pads are unknown"
    if named is None and min(pads, default=0) >= 0:
        return None
    axes = list(range(len(shape))) if named is None else editor.integers(named)
    if axes is None:
        return "its axes are computed"
    both = np.zeros((2, len(shape)), np.int64)  # in front and behind, by axis
    both[:, [axis % len(shape) for axis in axes]] = np.reshape(pads, (2, -1))
    added, cropped = np.maximum(both, 0), np.minimum(both, 0)
    if cropped.any() and attrs.text(node, "mode", "constant") != "constant":
        return "it takes away and mirrors, and it is not said in which order"
    x, first, last = node.inputs[0], -cropped[0], np.asarray(shape) + cropped[1]
    if cropped.any():
        cuts = {axis: (int(first[axis]), int(last[axis]), 1) for axis in np.flatnonzero(cropped.any(axis=0))}
        x = editor.cut(node, x, {int(axis): cut for axis, cut in cuts.items()})
    inputs = [x, editor.constant(added.ravel(), f"{node.name}_pads"), optional_input(node, 2)]
    editor.substitute(node, editor.add(node, "Pad", inputs, dict(node.attributes)))
    return FIRED


PASS = Rewrite("spell-pad", "padding rewritten for all axes, and what it takes away as a Slice", ("Pad",), respell)

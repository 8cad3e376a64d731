"""Resize<antialias> of a map -> MatMul(rows, MatMul(columns, x)); Resize<keep_aspect_ratio_policy> -> one scale.

Needs static shapes. TFLite and opset 13 know no antialiasing: interpolation over more than the nearest two or four
pixels. What an interpolation does along one axis is a matrix, which is had by resizing the unit matrix in ONNX Runtime,
whatever the mode and its settings are. The products stand in NHWC, as chips compute them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir

from dlpuconv.formats.onnx_values import evaluate
from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, optional_input, static_shape

if TYPE_CHECKING:
    import numpy.typing as npt

_LONGEST = 4096
"""Pixels of an axis, of which the matrix has the square."""
_SCALES, _SIZES = 2, 3


def spell_policy(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Write the one scale, or the sizes, that the policy comes to."""
    if attrs.text(node, "keep_aspect_ratio_policy", "stretch") == "stretch":
        node.attributes.pop("keep_aspect_ratio_policy", None)
        return None
    before, after = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    asked = editor.integers(optional_input(node, _SIZES))
    if before is None or after is None or not asked:
        return "its shapes are unknown"
    axes = [axis % len(before) for axis in attrs.integers(node, "axes") or range(len(before))]
    ratios = [size / before[axis] for axis, size in zip(axes, asked, strict=True)]
    larger = attrs.text(node, "keep_aspect_ratio_policy", "stretch") == "not_smaller"
    scale = np.float32(max(ratios) if larger else min(ratios))
    inputs: list[onnx_ir.Value | None] = [node.inputs[0], None]
    if np.allclose([after[axis] / before[axis] for axis in axes], scale, rtol=1e-6):
        inputs += [None, editor.constant(np.asarray([after[axis] for axis in axes]), f"{node.name}_sizes")]
    elif all(int(np.float32(before[axis]) * scale) == after[axis] for axis in axes):
        inputs += [editor.constant(np.full(len(axes), scale), f"{node.name}_scales")]
    else:
        return "no scale gives its extents, which are rounded up"
    settings = {name: attribute.value for name, attribute in node.attributes.items()}
    settings.pop("keep_aspect_ratio_policy")
    editor.substitute(node, editor.add(node, "Resize", inputs, settings))
    return FIRED


def antialiased(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Rewrite one Resize of height and width that shrinks with antialiasing."""
    if not attrs.integer(node, "antialias", 0):
        return None
    before, after = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    if before is None or after is None:
        return "its shapes are unknown"
    if all(b <= a for b, a in zip(before, after, strict=True)):
        node.attributes.pop("antialias")  # of an enlargement it changes nothing
        if attrs.text(node, "mode", "nearest") == "linear":
            node.attributes.pop("exclude_outside", None)  # means something with antialiasing only
        return FIRED
    return by_matrices(editor, node)


def by_matrices(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Rewrite one Resize of height and width, whatever its mode and settings are."""
    before, after = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    if before is None or after is None or len(before) != 4 or before[:2] != after[:2]:
        return "it does not resize height and width of a map alone"
    rows, columns = (axis_matrix(editor, node, axis) for axis in (2, 3))
    if rows is None or columns is None:
        return "the map is too large, or ONNX Runtime cannot resize a unit matrix so"
    (_, channels, _, width), (_, _, high, wide) = before, after
    x = editor.add(node, "Transpose", [node.inputs[0]], {"perm": [0, 2, 3, 1]})
    x = editor.reshape(node, x, [before[0], before[2], width * channels])
    x = editor.add(node, "MatMul", [editor.constant(rows, f"{node.name}_rows"), x])
    x = editor.reshape(node, x, [before[0], high, width, channels])
    x = editor.add(node, "MatMul", [editor.constant(columns, f"{node.name}_columns"), x])
    assert static_shape(x) == (before[0], high, wide, channels)
    editor.substitute(node, editor.add(node, "Transpose", [x], {"perm": [0, 3, 1, 2]}))
    return FIRED


def axis_matrix(editor: Editor, node: onnx_ir.Node, axis: int) -> npt.NDArray[np.float32] | None:
    """What a Resize of a map does along an axis: [extent behind, extent in front] float32; None if nobody can tell."""
    extent = (static_shape(node.inputs[0]) or ())[axis]
    if extent > _LONGEST:
        return None
    unit = np.eye(extent, dtype=np.float32)[None, None]
    inputs: list[npt.NDArray[np.generic] | None] = [unit, None, None, None]
    axes = [each % 4 for each in attrs.integers(node, "axes") or range(4)]
    for index, others in ((_SCALES, np.ones(4, np.float32)), (_SIZES, np.asarray(unit.shape))):
        given = editor.array(optional_input(node, index))
        if given is not None and given.size:
            others[3] = given[axes.index(axis)] if axis in axes else others[3]
            inputs[index] = others
    names = ("x", None, "scales", "sizes")
    values = [None if v is None else onnx_ir.Value(name=n) for n, v in zip(names, inputs, strict=True)]
    kept = [attribute for name, attribute in node.attributes.items() if name != "axes"]
    alone = onnx_ir.Node("", "Resize", values, kept, outputs=[onnx_ir.Value(name="y")], name=node.name)
    found = evaluate(alone, inputs, editor.opset)
    return None if found is None else np.ascontiguousarray(found[0][0, 0].T)


POLICY = Rewrite("spell-resize-policy", "Resize that keeps the aspect given its scale", ("Resize",), spell_policy)
ANTIALIASED = Rewrite("resize-by-matrices", "antialiased Resize rewritten as two MatMuls", ("Resize",), antialiased)

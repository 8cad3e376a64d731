"""Resizes that TFLite has no operator for -> two products; nearest ones -> RESIZE_NEAREST_NEIGHBOR's own, or Gathers.

onnx2tf lowers a Resize by the extents in front and behind, which is wrong where a factor was given that does not come
to whole pixels (`interpolate(scale_factor=0.6)`), and knows few modes and roundings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.plugin.onnx import Editor, axis_matrix, by_matrices, optional_input, static_shape

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir

    type Indices = npt.NDArray[np.int64]

_LOWERED = {"half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"}
_NEAREST = {
    "half_pixel": ("round_prefer_ceil", "round_prefer_floor", "floor"),
    "asymmetric": ("floor", "round_prefer_floor"),
}
"""Of nearest Resizes, those that onnx2tf lowers; the first rounding of each is what TFLite's kernel computes."""
_ALIKE = {("half_pixel", "round_prefer_ceil"), ("half_pixel", "round_prefer_floor"), ("asymmetric", "floor")}
"""Those that enlarge by whole factors as TFLite does."""
_SCALES = 2


def is_strange(editor: Editor, node: onnx_ir.Node) -> bool:
    """Whether onnx2tf would lower a Resize of a map into something else."""
    before, after = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    if before is None or after is None or len(before) != 4 or before[:2] != after[:2]:
        return False
    coordinates = _coordinates(node)
    if _is_nearest(node):
        rounding = node.attributes.get_string("nearest_mode", "round_prefer_floor")
        if (coordinates, rounding) in _ALIKE and not any(a % b for a, b in zip(after, before, strict=True)):
            return False  # as most are; nothing needs to be run to know it
        if not _indices(editor, node):
            return False  # the map is too large: nobody can tell
        return rounding not in _NEAREST.get(coordinates, ()) or _kernel(editor, node) != coordinates
    factors = editor.array(optional_input(node, _SCALES))
    rounded = factors is not None and factors.size > 0 and not np.allclose(factors * before, after, atol=1e-4)
    single = coordinates == "pytorch_half_pixel" and 1 in after[2:]
    return coordinates not in _LOWERED or (rounded and coordinates != "align_corners") or single


def spell(editor: Editor, node: onnx_ir.Node) -> None:
    """Rewrite one Resize."""
    if not _is_nearest(node):
        by_matrices(editor, node)
        return
    kernel = _kernel(editor, node)
    if kernel:
        sizes = editor.constant(np.asarray(static_shape(node.outputs[0])), f"{node.name}_sizes")
        settings = {
            "mode": "nearest", "coordinate_transformation_mode": kernel, "nearest_mode": _NEAREST[kernel][0]
        }  # fmt: skip
        editor.substitute(node, editor.add(node, "Resize", [node.inputs[0], None, None, sizes], settings))
        return
    value = node.inputs[0]
    for axis, indices in zip((2, 3), _indices(editor, node), strict=True):
        value = editor.add(node, "Gather", [value, editor.constant(indices, f"{node.name}_nearest")], {"axis": axis})
    if value is not None and value is not node.inputs[0]:
        editor.substitute(node, value)


def _is_nearest(node: onnx_ir.Node) -> bool:
    return node.attributes.get_string("mode", "nearest") == "nearest"


def _coordinates(node: onnx_ir.Node) -> str:
    return str(node.attributes.get_string("coordinate_transformation_mode", "half_pixel"))


def _kernel(editor: Editor, node: onnx_ir.Node) -> str:
    """The mode of TFLite's kernel that picks the same pixels, the node's own if it can be; empty if none does."""
    indices, before = _indices(editor, node), (static_shape(node.inputs[0]) or ())[2:]
    found = [
        mode
        for mode, offset in (("half_pixel", 0.5), ("asymmetric", 0.0))
        if all(
            np.array_equal(chosen, np.floor((np.arange(len(chosen)) + offset) * (extent / len(chosen))))
            for chosen, extent in zip(indices, before, strict=True)
        )
    ]
    return _coordinates(node) if _coordinates(node) in found else "".join(found[:1])


def _indices(editor: Editor, node: onnx_ir.Node) -> list[Indices]:
    """The pixels that a nearest Resize picks on height and width; nothing, where these are too large to tell."""
    rows, columns = (axis_matrix(editor, node, axis) for axis in (2, 3))
    return [] if rows is None or columns is None else [rows.argmax(1), columns.argmax(1)]

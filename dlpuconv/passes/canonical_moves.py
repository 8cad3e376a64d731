"""Movements of data in their cheapest spelling.

    Gather of neighbours, or of one, along an axis -> Slice (and Reshape); of a vector in another shape -> in a row
    Transpose that moves only axes of extent 1, DepthToSpace of one pixel -> Reshape
    Add(x, Expand(y)) -> Add(x, y), where the Add broadcasts as well
    Softmax between Transposes -> Softmax on the axis itself, and one Transpose or none
    DepthToSpace<CRD> to one channel -> DepthToSpace<DCR>; behind a Conv -> DCR with the Conv's channels reordered
    Resize without roi, its scales written for all axes

Needs static shapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, optional_input, static_shape
from dlpuconv.passes.merge_transposes import BINARY, permutation

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir


def gather_to_slice(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Gather by a constant index, or constant neighbours, -> Slice; of a vector in another shape -> Gather, Reshape."""
    index, shape, after = editor.array(node.inputs[1]), static_shape(node.inputs[0]), static_shape(node.outputs[0])
    if index is None or shape is None or after is None or index.size == 0:
        return None
    if index.ndim > 1:
        return _gather_in_a_row(editor, node, index) if len(shape) == 1 else None
    axis = attrs.integer(node, "axis", 0) % len(shape)
    picked = index.ravel() % shape[axis]
    if (np.diff(picked) != 1).any():
        return "its indices are not consecutive"
    result = editor.cut(node, node.inputs[0], {axis: (int(picked[0]), int(picked[-1]) + 1, 1)})
    editor.substitute(node, result if index.ndim else editor.reshape(node, result, after))
    return FIRED


def _gather_in_a_row(editor: Editor, node: onnx_ir.Node, index: npt.NDArray[Any]) -> Outcome:
    row = editor.add(node, "Gather", [node.inputs[0], editor.constant(index.ravel(), f"{node.name}_row")], {"axis": 0})
    editor.substitute(node, editor.reshape(node, row, index.shape))
    return FIRED


def to_reshape(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """A movement that leaves the order of the elements -> Reshape."""
    before, after = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    if before is None or after is None:
        return None
    if node.op_type == "Transpose":
        perm = permutation(node) or []
        kept = [p for p in perm if before[p] != 1]
        # A Transpose to or from NHWC of a map of one channel or one pixel cancels with others: leave it to them.
        if kept != sorted(kept) or _next_to_transpose(node):
            return None
    elif before[2:] != (1, 1) or after[1] != 1:
        return None
    editor.substitute(node, editor.reshape(node, node.inputs[0], after))
    return FIRED


def _next_to_transpose(node: onnx_ir.Node) -> bool:
    x = node.inputs[0]
    before = x.producer() if x is not None else None
    return (
        x is None
        or x.is_graph_input()
        or node.outputs[0].is_graph_output()
        or (before is not None and before.op_type == "Transpose")
    )


def split_to_slices(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Split of channels that a Gather has put in order -> Slices, which merge with the Gather."""
    x = node.inputs[0]
    before, shape = (x.producer() if x is not None else None), static_shape(x)
    if before is None or shape is None or before.op_type != "Gather" or len(shape) != 4:
        return None
    if attrs.integer(node, "axis", 0) % 4 != 1 or attrs.integer(before, "axis", 0) != 1:
        return "it does not split channels"
    start = 0
    for output in list(node.outputs):
        extent = (static_shape(output) or (0, 0))[1]
        if not (output.uses() or output.is_graph_output()):
            start += extent
            continue
        editor.replace(output, editor.cut(node, x, {1: (start, start + extent, 1)}), adopt_name=True)
        start += extent
    return FIRED


def drop_expand(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Let operators that broadcast read what an Expand broadcasts."""
    x, output = node.inputs[0], node.outputs[0]
    if x is None or output.is_graph_output():
        return "it is an output of the graph"
    uses = list(output.uses())
    for use in uses:
        others = [static_shape(v) for v in use.node.inputs if v is not output]
        if use.node.op_type not in BINARY | {"Where"} or static_shape(use.node.outputs[0]) not in others:
            return f"{use.node.name} does not broadcast by itself"
    for use in uses:
        use.node.replace_input_with(use.idx, x)
    editor.remove_unused(node)
    return FIRED


def softmax_axis(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Transpose ∘ Softmax ∘ Transpose -> Transpose ∘ Softmax on the axis itself, and no Transpose if they cancel."""
    x = node.inputs[0]
    before, after = (x.producer() if x is not None else None), editor.only_reader(node.outputs[0])
    if before is None or after is None or before.op_type != "Transpose" or after.op_type != "Transpose":
        return None
    first, second = permutation(before), permutation(after)
    if first is None or second is None:
        return "the Transposes around it are of unknown rank"
    axis = first[attrs.integer(node, "axis", -1) % len(first)]
    result = editor.add(after, node.op_type, [before.inputs[0]], {"axis": axis})
    merged = [first[p] for p in second]
    if merged != sorted(merged):
        result = editor.add(after, "Transpose", [result], {"perm": merged})
    editor.substitute(after, result)
    return FIRED


def spell_depth_to_space(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """CRD -> DCR, TFLite's order of channels."""
    shape = static_shape(node.inputs[0])
    if attrs.text(node, "mode", "DCR") != "CRD" or shape is None:
        return None
    block = attrs.integer(node, "blocksize", 1)
    depth = shape[1] // block**2
    x = node.inputs[0]
    if depth > 1:
        # Channel d of the DCR input is channel order[d] of the CRD input; the Gather is folded into the Conv in front.
        order = np.arange(shape[1]).reshape(depth, block**2).T.ravel()
        x = editor.add(node, "Gather", [x, editor.constant(order, f"{node.name}_channels")], {"axis": 1})
    editor.substitute(node, editor.add(node, "DepthToSpace", [x], {"blocksize": block, "mode": "DCR"}))
    return FIRED


def spell_resize(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Drop the region of interest that only tf_crop_and_resize reads, and write sizes or scales for all axes."""
    if attrs.text(node, "coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize":
        return "it crops"
    shape, axes = static_shape(node.inputs[0]), attrs.integers(node, "axes")
    if axes is not None and shape is not None:
        for i, rest in ((2, np.ones(len(shape), np.float32)), (3, np.asarray(shape, np.int64))):
            given = editor.array(node.inputs[i]) if len(node.inputs) > i else None
            if given is not None and given.size:
                rest[axes] = given
                node.replace_input_with(i, editor.constant(rest, f"{node.name}_extents"))
        node.attributes.pop("axes")
        return FIRED
    if len(node.inputs) > 1 and node.inputs[1] is not None:
        node.replace_input_with(1, None)
        return FIRED
    scales, sizes = optional_input(node, 2), optional_input(node, 3)
    if scales is not None and sizes is not None:  # an empty constant, where sizes are given
        node.replace_input_with(2, None)
        return FIRED
    return None


SPLIT = Rewrite("split-to-slices", "Split rewritten as Slices", ("Split",), split_to_slices)
GATHER = Rewrite("gather-to-slice", "Gather of neighbours rewritten as a Slice", ("Gather",), gather_to_slice)
RESHAPE = Rewrite("moves-to-reshape", "rewritten as a Reshape", ("Transpose", "DepthToSpace"), to_reshape)
EXPAND = Rewrite("drop-expand", "Expand removed, as the next operator broadcasts", ("Expand",), drop_expand)
SOFTMAX = Rewrite("softmax-axis", "Softmax computed along its own axis", ("Softmax", "LogSoftmax"), softmax_axis)
DEPTH_TO_SPACE = Rewrite(
    "spell-depth-to-space", "DepthToSpace rewritten in mode DCR", ("DepthToSpace",), spell_depth_to_space
)
RESIZE = Rewrite("spell-resize", "Resize spelled out for all axes", ("Resize",), spell_resize)

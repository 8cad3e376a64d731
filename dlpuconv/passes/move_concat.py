"""Concat of axis 0, moved to another place by a Transpose or Reshape -> Reshapes, Concat of that axis.

    Transpose<1, 0, 2, 3>(Concat<0>([1, 1, H, W] ...)) -> Concat<1>([1, 1, H, W] ...)

Needs static shapes. PyTorch assigns channels one by one like this; a batch of channels is nothing for a chip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape
from dlpuconv.passes.merge_transposes import permutation

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir


def move(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Join along the axis that the joined one becomes."""
    joined = node.inputs[0]
    before, shape, after = joined.producer() if joined is not None else None, static_shape(joined), _target(node)
    if joined is None or not shape or before is None or before.op_type != "Concat" or len(after) != len(shape):
        return None
    axis = attrs.integer(before, "axis", 0) % len(shape)
    if axis or shape[0] == 1 or after[0] != 1 or editor.only_reader(joined) is not node:
        return None
    place = next(place for place, extent in enumerate(after) if extent != 1)
    parts = [
        editor.reshape(node, part, [*after[:place], *(static_shape(part) or ())[:1], *after[place + 1 :]])
        for part in before.inputs
    ]
    editor.substitute(node, editor.add(node, "Concat", parts, {"axis": place}))
    return FIRED


def _target(node: onnx_ir.Node) -> Sequence[int]:
    """The shape that a node gives to a value without moving an element; nothing where it is none or does more."""
    before, after = static_shape(node.inputs[0]) or (), static_shape(node.outputs[0]) or ()
    if node.op_type == "Transpose":
        kept = [axis for axis in permutation(node) or [] if before[axis] != 1]
        return after if kept == sorted(kept) else ()
    return after if [e for e in before if e != 1] == [e for e in after if e != 1] else ()


PASS = Rewrite("move-concat", "joined along the axis that this becomes", ("Transpose", "Reshape"), move)

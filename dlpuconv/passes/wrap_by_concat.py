"""Pad<mode=wrap> -> Concat of the end, the whole and the beginning, axis by axis.

Needs static shapes and constants folded. TFLite pads with constants and mirrors only, and opset 13 does not wrap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape
from dlpuconv.passes.fold_pad import amounts_of

if TYPE_CHECKING:
    import onnx_ir


def wrap(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Rewrite one Pad that wraps around."""
    if attrs.text(node, "mode", "constant") != "wrap":
        return None
    value, shape, amounts = node.inputs[0], static_shape(node.inputs[0]), amounts_of(editor, node)
    if value is None or shape is None or amounts is None:
        return "its shape or amounts are unknown"
    sides = list(zip(amounts[: len(shape)], amounts[len(shape) :], shape, strict=True))
    if any(not 0 <= side <= extent for *pair, extent in sides for side in pair) or not any(amounts):
        return "it goes around more than once, crops, or adds nothing"
    for axis, (before, after, extent) in enumerate(sides):
        ends = [(extent - before, extent)] if before else []
        starts = [(0, after)] if after else []
        cuts = [[editor.cut(node, value, {axis: (*span, 1)}) for span in spans] for spans in (ends, starts)]
        if before or after:
            value = editor.add(node, "Concat", [*cuts[0], value, *cuts[1]], {"axis": axis})
    editor.substitute(node, value)
    return FIRED


PASS = Rewrite("wrap-by-concat", "Pad that wraps around rewritten as a Concat", ("Pad",), wrap)

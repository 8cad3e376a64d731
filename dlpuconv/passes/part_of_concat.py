"""Split ∘ ... ∘ Concat(a, b) -> a, b; where reshapes, transposes and further Concats stand between.

YOLO's heads join boxes and classes, reshape, join the scales, and split boxes from classes again. In 8 bits everything
that was joined has one scale, so taking the parts from where they came from is better, and cheaper. Needs static
shapes. Nothing is changed unless every part of the joined value can be had without a Slice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape
from dlpuconv.passes.merge_transposes import permutation
from dlpuconv.passes.strided_slice import ranges

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx_ir

    type Build = Callable[[onnx_ir.Node], onnx_ir.Value]

type Part = tuple[int, int, int]
"""Axis, start and end."""

_DEPTH = 8


def take_parts(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Replace all Slices and Splits of what a Concat makes by the values that were joined.

    Args:
        editor: the graph.
        node: the last Concat before the value is taken apart.
    """
    joined = _end_of_chain(editor, node)
    takers = list(dict.fromkeys(use.node for use in joined.uses()))
    if not takers or joined.is_graph_output() or any(t.op_type not in ("Slice", "Split") for t in takers):
        return None
    plans: list[tuple[onnx_ir.Value, Build]] = []
    for taker in takers:
        for value, part in parts_taken(editor, taker):
            if not value.uses() and not value.is_graph_output():
                continue
            plan = _plan(editor, joined, part, _DEPTH)
            if plan is None or value.is_graph_output():
                return f"{value.name} is an output of the graph, or is cut otherwise than it was joined"
            plans.append((value, plan))
    for value, plan in plans:
        maker = value.producer()
        if maker is not None:
            editor.replace(value, plan(maker))
    return FIRED


def _end_of_chain(editor: Editor, node: onnx_ir.Node) -> onnx_ir.Value:
    value = node.outputs[0]
    while (reader := editor.only_reader(value)) is not None and reader.op_type in ("Reshape", "Transpose"):
        value = reader.outputs[0]
    return value


def parts_taken(editor: Editor, taker: onnx_ir.Node) -> list[tuple[onnx_ir.Value, Part]]:
    """Each output of a Slice or Split, and what it takes; the part is empty where that is no plain part."""
    shape = static_shape(taker.inputs[0]) or ()
    if taker.op_type == "Slice":
        cuts = ranges(editor, taker) or {}
        plain = len(cuts) == 1 and all(step == 1 for _, _, step in cuts.values())
        axis, (start, end, _) = next(iter(cuts.items())) if plain else (0, (0, 0, 1))
        return [(taker.outputs[0], (axis, start, end))]
    axis = attrs.integer(taker, "axis", 0) % max(len(shape), 1)
    found: list[tuple[onnx_ir.Value, Part]] = []
    start = 0
    for output in taker.outputs:
        extents = static_shape(output) or (0,) * len(shape)
        found.append((output, (axis, start, start + extents[axis])))
        start += extents[axis]
    return found


def _plan(editor: Editor, value: onnx_ir.Value | None, part: Part, depth: int) -> Build | None:
    """How to make a part of a value without a Slice, in front of a given node; None if there is no way."""
    node = value.producer() if value is not None else None
    if node is None or depth == 0 or node.domain != "" or part[1] >= part[2]:
        return None
    rule = {"Concat": _from_concat, "Reshape": _from_reshape, "Transpose": _from_transpose}.get(node.op_type)
    return None if rule is None else rule(editor, node, part, depth)


def _from_concat(editor: Editor, node: onnx_ir.Node, part: Part, depth: int) -> Build | None:
    axis, start, end = part
    shape = static_shape(node.outputs[0]) or ()
    along = attrs.integer(node, "axis", 0) % max(len(shape), 1)
    pieces: list[Build] = []
    position = 0
    for value in node.inputs:
        extent = (static_shape(value) or (0,) * len(shape))[along]
        if along != axis:
            piece = _plan(editor, value, part, depth - 1)
        elif position + extent <= start or position >= end:
            position += extent
            continue
        else:
            inner = (axis, max(start - position, 0), min(end - position, extent))
            piece = _whole(value) if inner[1:] == (0, extent) else _plan(editor, value, inner, depth - 1)
            position += extent
        if piece is None:
            return None
        pieces.append(piece)
    if len(pieces) == 1:
        return pieces[0]
    return lambda at: editor.add(at, "Concat", [piece(at) for piece in pieces], {"axis": along})


def _whole(value: onnx_ir.Value | None) -> Build | None:
    return None if value is None else lambda _: value


def _from_reshape(editor: Editor, node: onnx_ir.Node, part: Part, depth: int) -> Build | None:
    axis, start, end = part
    before, after = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    if before is None or after is None or before[: axis + 1] != after[: axis + 1]:
        return None
    inner = _plan(editor, node.inputs[0], part, depth - 1)
    if inner is None:
        return None
    target = np.asarray([*after[:axis], end - start, *after[axis + 1 :]], np.int64)
    return lambda at: editor.add(at, "Reshape", [inner(at), editor.constant(target, f"{node.name}_shape")])


def _from_transpose(editor: Editor, node: onnx_ir.Node, part: Part, depth: int) -> Build | None:
    perm = permutation(node)
    inner = None if perm is None else _plan(editor, node.inputs[0], (perm[part[0]], part[1], part[2]), depth - 1)
    return None if inner is None else lambda at: editor.add(at, "Transpose", [inner(at)], {"perm": perm})


PASS = Rewrite("part-of-concat", "parts of a Concat read from where they come from", ("Concat",), take_parts)

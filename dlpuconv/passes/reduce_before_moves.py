"""ReduceX ∘ (Transpose | Reshape) -> (Transpose | Reshape) ∘ ReduceX; MaxPool of all ∘ Transpose -> ReduceMax.

Needs reductions that keep their axes (see `canonical_reductions`). What was reduced is small, and a movement of it is
free or a Reshape; `x.flatten(2).mean(-1)` becomes a mean over height and width of the map.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape
from dlpuconv.passes.merge_transposes import permutation

if TYPE_CHECKING:
    import onnx_ir

type Shape = tuple[int, ...]


def reduce_first(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Let a reduction change places with the Transpose or Reshape in front of it."""
    axes = _axes(editor, node)
    x = node.inputs[0]
    move = x.producer() if x is not None else None
    if axes is None or x is None or move is None or move.op_type not in ("Transpose", "Reshape"):
        return None
    if editor.only_reader(x) is None:
        return f"other operators read {x.name}, too"
    before, after = static_shape(move.inputs[0]), static_shape(x)
    if before is None or after is None:
        return None
    perm = permutation(move) if move.op_type == "Transpose" else None
    inner = [perm[a] for a in axes] if perm is not None else _axes_before(before, after, axes)
    if inner is None:
        return "the Reshape in front mixes reduced axes with others"
    operator = "ReduceMax" if node.op_type == "MaxPool" else node.op_type
    constant = editor.constant(np.asarray(sorted(inner), np.int64), f"{node.name}_axes")
    reduced = editor.add(node, operator, [move.inputs[0], constant], {"keepdims": 1})
    if perm is not None:
        result = editor.add(node, "Transpose", [reduced], {"perm": perm})
    else:
        target = [1 if i in axes else extent for i, extent in enumerate(after)]
        result = editor.reshape(node, reduced, target)
    editor.substitute(node, result)
    return FIRED


def _axes(editor: Editor, node: onnx_ir.Node) -> list[int] | None:
    """The reduced axes of a reduction that keeps them, or of a MaxPool over the whole map behind a Transpose."""
    shape = static_shape(node.inputs[0])
    if node.op_type != "MaxPool":
        kept = attrs.integer(node, "keepdims", 1) and len(node.inputs) > 1
        return editor.integers(node.inputs[1]) if kept else None
    x = node.inputs[0]
    maker = x.producer() if x is not None else None
    whole = shape is not None and attrs.integers(node, "kernel_shape") == list(shape[2:])
    plain = not attrs.pads(node) and len(node.outputs) == 1
    moved = maker is not None and maker.op_type == "Transpose"
    return list(range(2, len(shape))) if shape is not None and whole and plain and moved else None


def _axes_before(before: Shape, after: Shape, axes: list[int]) -> list[int] | None:
    """The axes in front of a Reshape that are the reduced ones behind it; None if some are so in part."""
    found: list[int] = []
    for ours, theirs in _blocks(before, after):
        reduced = [a in axes for a in theirs if after[a] != 1]
        if any(reduced) and not all(reduced):
            return None
        if any(reduced):
            found.extend(ours)
    return found or None


def _blocks(before: Shape, after: Shape) -> list[tuple[list[int], list[int]]]:
    """The shortest runs of axes on either side that hold the same elements."""
    blocks: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(before) and j < len(after):
        ours, theirs = [i], [j]
        left, right = before[i], after[j]
        while left != right:
            if left < right:
                i += 1
                ours.append(i)
                left *= before[i]
            else:
                j += 1
                theirs.append(j)
                right *= after[j]
        blocks.append((ours, theirs))
        i, j = i + 1, j + 1
    return blocks


PASS = Rewrite(
    "reduce-before-moves",
    "reduction moved in front of a Reshape or Transpose",
    ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceProd", "MaxPool"),
    reduce_first,
)

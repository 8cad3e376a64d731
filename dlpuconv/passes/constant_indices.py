"""ScatterND and ScatterElements at constant places -> Slice and Concat; GatherND, GatherElements -> Slice or Gather.

    y[..., 0] = u       -> Concat(u, y[..., 1:])          y[:, :2, 1:] = u -> Concat over axis 1 of a Concat over axis 2
    y[[0, 5, 7]] += u   -> the same, with y[[0, 5, 7]] + u

Needs static shapes and constants folded. This is how exporters write assignments in place. Places that form a grid (all
combinations of some indices on each axis, in this order) are joined axis by axis from runs of neighbours; others are
picked from rows of both, one behind the other. Of places that are written twice, the last one counts.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import onnx_ir

    type Indices = npt.NDArray[np.int64]
    type Grid = list[Indices]
    """For each axis of a value, the indices on it; the places are all combinations, the last axis fastest."""

_MOST_PIECES = 16
"""Runs on one axis up to which they are cut out and joined; one Gather is cheaper than more."""
_MOST_INDICES = 1 << 22
_REDUCTIONS = {"add": "Add", "mul": "Mul", "max": "Max", "min": "Min"}


def scatter(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Rewrite one ScatterND or ScatterElements."""
    data, updates = node.inputs[0], node.inputs[2]
    places = _places(editor, node)
    if isinstance(places, str) or data is None or updates is None:
        return places if isinstance(places, str) else None
    shape, reduction = static_shape(data) or (), attrs.text(node, "reduction", "none")
    if reduction not in (*_REDUCTIONS, "none"):
        return f"its reduction is {reduction}, which nobody knows"
    if math.prod(static_shape(updates) or ()) != len(places) * _as_rows(places, shape)[1]:
        return "its updates are not of the shape of its places"
    grid = _grid(places, shape)
    if grid is None:
        if reduction != "none":
            return f"its places form no grid, and its reduction is {reduction}"
        editor.substitute(node, _join_rows(editor, node, places, shape))
        return FIRED
    new = editor.reshape(node, updates, [len(indices) for indices in grid])
    if reduction != "none":
        new = editor.add(node, _REDUCTIONS[reduction], [_take(editor, node, grid), new])
    editor.substitute(node, _write(editor, node, data, new, grid, 0))
    return FIRED


def gather(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Rewrite one GatherND or GatherElements."""
    places = _places(editor, node)
    after = static_shape(node.outputs[0])
    if isinstance(places, str) or after is None:
        return places if isinstance(places, str) else None
    shape = static_shape(node.inputs[0]) or ()
    grid = _grid(places, shape)
    if grid is not None:
        taken = _take(editor, node, grid)
    else:
        rows = editor.reshape(node, node.inputs[0], _as_rows(places, shape))
        flat = editor.constant(_row_numbers(places, shape), f"{node.name}_rows")
        taken = editor.add(node, "Gather", [rows, flat], {"axis": 0})
    editor.substitute(node, editor.reshape(node, taken, after))
    return FIRED


def _places(editor: Editor, node: onnx_ir.Node) -> Indices | str:
    """One row for each place that is read or written: its indices on the first axes, [M, K], not negative."""
    given, shape = editor.array(node.inputs[1]), static_shape(node.inputs[0])
    if given is None:
        return "its indices are not constant"
    if shape is None or not given.size or not math.prod(shape):
        return "its shape is unknown, or empty"
    if given.size > _MOST_INDICES:
        return f"it has more than {_MOST_INDICES} indices"
    if node.op_type.endswith("Elements"):
        axis = attrs.integer(node, "axis", 0)
        if given.ndim != len(shape) or not -len(shape) <= axis < len(shape):
            return "its indices or its axis do not fit its shape"
        places = np.moveaxis(np.indices(given.shape), 0, -1).reshape(-1, len(shape))
        places[:, axis] = given.ravel()
    else:
        batch = attrs.integer(node, "batch_dims", 0)
        if not 0 <= batch < given.ndim:
            return "its indices have no such axes of batches"
        outer = np.moveaxis(np.indices(given.shape[:-1]), 0, -1)[..., :batch]
        places = np.concatenate([outer, given], -1).reshape(-1, batch + given.shape[-1])
    extents = np.asarray(shape[: places.shape[1]])
    if len(extents) < places.shape[1] or (places < -extents).any() or (places >= extents).any():
        return "an index is beyond its axis"
    found: Indices = places % extents
    return found


def _grid(places: Indices, shape: Sequence[int]) -> Grid | None:
    """The places as a grid over all axes, or None where they form none, or one place comes twice."""
    grid: Grid = []
    for column in places.T:
        values, first = np.unique(column, return_index=True)
        grid.append(values[np.argsort(first)])
    if math.prod(len(indices) for indices in grid) != len(places):
        return None
    whole = np.stack(np.meshgrid(*grid, indexing="ij"), -1).reshape(places.shape)
    if not np.array_equal(whole, places):
        return None
    return [*grid, *(np.arange(extent) for extent in shape[len(grid) :])]


def _take(editor: Editor, node: onnx_ir.Node, grid: Grid) -> onnx_ir.Value:
    """What the first input holds on a grid."""
    value = node.inputs[0]
    assert value is not None
    for axis, indices in enumerate(grid):
        value = _pick(editor, node, value, indices, axis)
    return value


def _pick(editor: Editor, node: onnx_ir.Node, value: onnx_ir.Value, indices: Indices, axis: int) -> onnx_ir.Value:
    if np.array_equal(indices, np.arange((static_shape(value) or ())[axis])):
        return value
    if (np.diff(indices) == 1).all():
        return editor.cut(node, value, {axis: (int(indices[0]), int(indices[-1]) + 1, 1)})
    return editor.add(node, "Gather", [value, editor.constant(indices, f"{node.name}_picks")], {"axis": axis})


def _write(
    editor: Editor, node: onnx_ir.Node, old: onnx_ir.Value, new: onnx_ir.Value, grid: Grid, axis: int
) -> onnx_ir.Value:
    """The old value with the new one on the grid from this axis on; on axes before, both have the same indices."""
    extents = static_shape(old) or ()
    partial = [a for a in range(axis, len(grid)) if not np.array_equal(grid[a], np.arange(extents[a]))]
    if not partial:
        return new
    axis, indices = partial[0], grid[partial[0]]
    if len(partial) > 1:
        new = _write(editor, node, _pick(editor, node, old, indices, axis), new, grid, axis + 1)
    order = np.arange(extents[axis])
    order[indices] = extents[axis] + np.arange(len(indices))  # of the old values with the new ones behind them
    starts = [0, *(int(i) + 1 for i in np.flatnonzero(np.diff(order) != 1)), len(order)]
    if len(starts) > _MOST_PIECES:
        return _reorder(editor, node, [old, new], order, axis)
    pieces = []
    for start, end in pairwise(starts):
        source, begin = (old, int(order[start])) if order[start] < len(order) else (new, int(order[start]) - len(order))
        pieces += _pieces(editor, node, source, axis, (begin, begin + end - start))
    return pieces[0] if len(pieces) == 1 else editor.add(node, "Concat", pieces, {"axis": axis})


def _pieces(
    editor: Editor, node: onnx_ir.Node, value: onnx_ir.Value, axis: int, span: tuple[int, int]
) -> list[onnx_ir.Value]:
    """A part of a value along an axis; of a Concat, parts of what it joins."""
    shape, maker = static_shape(value) or (), value.producer()
    if span == (0, shape[axis]):
        return [value]
    if maker is None or maker.op_type != "Concat" or attrs.integer(maker, "axis", 0) % len(shape) != axis:
        return [editor.cut(node, value, {axis: (*span, 1)})]
    pieces, offset = [], 0
    for part in maker.inputs:
        assert part is not None
        length = (static_shape(part) or ())[axis]
        low, high = max(span[0] - offset, 0), min(span[1] - offset, length)
        if low < high:
            pieces += _pieces(editor, node, part, axis, (low, high))
        offset += length
    return pieces


def _join_rows(editor: Editor, node: onnx_ir.Node, places: Indices, shape: Sequence[int]) -> onnx_ir.Value:
    """The first input with the updates at any places."""
    rows = _as_rows(places, shape)
    order = np.arange(rows[0])
    order[_row_numbers(places, shape)] = rows[0] + np.arange(len(places))
    values = [editor.reshape(node, node.inputs[0], rows), editor.reshape(node, node.inputs[2], [-1, rows[1]])]
    return editor.reshape(node, _reorder(editor, node, values, order, 0), shape)


def _reorder(
    editor: Editor, node: onnx_ir.Node, values: Sequence[onnx_ir.Value], order: Indices, axis: int
) -> onnx_ir.Value:
    both = editor.add(node, "Concat", values, {"axis": axis})
    return editor.add(node, "Gather", [both, editor.constant(order, f"{node.name}_order")], {"axis": axis})


def _as_rows(places: Indices, shape: Sequence[int]) -> tuple[int, int]:
    """The shape of a value with one row for each place that could be meant."""
    indexed = places.shape[1]
    return math.prod(shape[:indexed]), math.prod(shape[indexed:])


def _row_numbers(places: Indices, shape: Sequence[int]) -> Indices:
    return np.asarray(np.ravel_multi_index(tuple(places.T), tuple(shape[: places.shape[1]])), np.int64)


SCATTER = Rewrite(
    "constant-scatters", "assignment in place rewritten as a Concat", ("ScatterND", "ScatterElements"), scatter
)
GATHER = Rewrite("constant-gathers", "rewritten as a Slice or Gather", ("GatherND", "GatherElements"), gather)

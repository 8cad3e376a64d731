"""OP over five axes or more -> RESHAPE, OP over four, RESHAPE.

    TRANSPOSE [1, 65, 3, 4, 16] by (2, 0, 3, 1, 4)    becomes   TRANSPOSE [65, 3, 4, 16] by (1, 2, 0, 3)
    TRANSPOSE [1, 4, 4, 4, 4, 48] by (0, 1, 3, 2, ..) becomes   TRANSPOSE [4, 4, 4, 192] by (0, 2, 1, 3)
    MUL [1, 3, 80, 80, 2]                             becomes   MUL [3, 80, 80, 2]

The chips know four axes. Heads of detectors and attention have five, one of which is the batch of 1; windows of
transformers have six. Neighbouring axes that an operator treats as one are joined; between two operators that are
rewritten in this way the RESHAPEs cancel.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv_backends.cleanup.constants import constant_input, ints
from dlpuconv_backends.cleanup.layout.ports import ELEMENTWISE, REDUCTIONS
from dlpuconv_backends.flatbuffer.build import reshape, transpose
from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dlpuconv_backends.flatbuffer.graph import Graph

type Shape = tuple[int, ...]
type Groups = list[list[int]]
"""Neighbouring axes that become one, in order."""

MOST_AXES = 4
_OPERANDS = frozenset(("BATCH_MATMUL", "CONCATENATION"))
"""Operators whose inputs all have the same axes, constants too; those of others are attributes."""


@dataclass(frozen=True, slots=True)
class _View:
    """An operator's activations, all with the same axes.

    Attributes:
        inputs: shape of each input; None for what has no axes of its own (constants that are attributes, scalars).
        outputs: shape of each output, with the axes that a reduction drops.
        special: axes that the operator does not treat like any other.
    """

    inputs: list[Shape | None]
    outputs: list[Shape]
    special: frozenset[int]

    @property
    def shapes(self) -> list[Shape]:
        """The shapes of all inputs and outputs that are known."""
        return [*(shape for shape in self.inputs if shape is not None), *self.outputs]


def lower_ranks(graph: Graph) -> int:
    """Rewrite in place; how many operators changed. RESHAPEs that cancel are left for `merge_moves`."""
    changed = 0
    operators: list[Operator] = []
    for op in graph.operators:
        deep = op.kind != "RESHAPE" and any(len(t.shape) > MOST_AXES for t in _activations(op))
        new = (_transposition(op) if op.kind == "TRANSPOSE" else _aligned(op)) if deep else []
        operators.extend(new or [op])
        changed += bool(new)
    graph.operators = operators
    return changed


def _activations(op: Operator) -> list[Tensor]:
    return [t for t in (*op.inputs, *op.outputs) if t is not None and not t.is_constant]


def _transposition(op: Operator) -> list[Operator]:
    if constant_input(op, 1) is None:
        return []
    steps = _moves(op.input(0).shape, ints(op.input(1)))
    new: list[Operator] = []
    tensor = op.input(0)
    for shape, order in steps:
        new.append(_named(reshape(tensor, shape), op))
        new.append(_named(transpose(new[-1].output, order), op))
        tensor = new[-1].output
    return [*new, _named(reshape(tensor, op.output.shape, op.output), op)] if steps else []


def _moves(shape: Shape, order: Shape) -> list[tuple[Shape, Shape]]:
    """TRANSPOSEs over few axes, each a shape and a permutation, that do what one over many axes does; or none."""
    at_once = _move(shape, order)
    if at_once is not None:
        return [at_once]
    # The result's first axis goes to the front, and the others are put in order behind it.
    first = order[0]
    rest = [axis for axis in range(len(shape)) if axis != first]
    arranged = tuple(shape[axis] for axis in (first, *rest))
    behind = _move(arranged, (0, *(1 + rest.index(axis) for axis in order[1:])))
    if behind is None:
        return []
    return [((prod(shape[:first]), shape[first], prod(shape[first + 1 :])), (1, 0, 2)), behind]


def _move(shape: Shape, order: Shape) -> tuple[Shape, Shape] | None:
    """A transposition over few axes: those of extent 1 left out, those that stay neighbours joined."""
    groups = [[axis] for axis in order]
    while len(groups) > MOST_AXES:
        at = next((i for i, group in enumerate(groups) if prod(shape[a] for a in group) == 1), None)
        if at is not None:
            del groups[at]
            continue
        at = next((i for i in range(len(groups) - 1) if _follows(groups[i], groups[i + 1], shape)), None)
        if at is None:
            return None
        groups[at : at + 2] = [groups[at] + groups[at + 1]]
    before = sorted(groups)
    return tuple(prod(shape[a] for a in group) for group in before), tuple(before.index(group) for group in groups)


def _follows(first: list[int], second: list[int], shape: Shape) -> bool:
    """True where nothing but axes of extent 1 stands between the two groups, in this order."""
    return first[-1] < second[0] and prod(shape[first[-1] + 1 : second[0]]) == 1


def _aligned(op: Operator) -> list[Operator]:
    view = _view(op)
    groups = _groups(view) if view is not None else None
    if view is None or groups is None:
        return []
    low = Operator(op.kind, list(op.inputs), list(op.outputs), copy.copy(op.options), op.source_name)
    if op.kind in _ATTRIBUTES:
        _ATTRIBUTES[op.kind](low, groups, view)
    return _wrapped(
        low,
        op,
        [None if shape is None else _joined(shape, groups) for shape in view.inputs],
        [_joined(shape, groups) for shape in view.outputs],
    )


def _joined(shape: Shape, groups: Groups) -> Shape:
    return tuple(prod(shape[axis] for axis in group) for group in groups)


def _wrapped(low: Operator, op: Operator, inputs: Sequence[Shape | None], outputs: Sequence[Shape]) -> list[Operator]:
    """The operator between RESHAPEs to and from these shapes."""
    before: list[Operator] = []
    for index, shape in enumerate(inputs):
        tensor = low.inputs[index]
        if shape is None or tensor is None:
            continue
        if tensor.data is not None:
            low.inputs[index] = Tensor.constant(tensor.name, tensor.data.reshape(shape))
            continue
        before.append(_named(reshape(tensor, shape), op))
        low.inputs[index] = before[-1].output
    after: list[Operator] = []
    for index, shape in enumerate(outputs):
        result = op.outputs[index]
        low.outputs[index] = Tensor(f"{result.name}/joined", shape, result.dtype, source_names=result.source_names)
        after.append(_named(reshape(low.outputs[index], result.shape, result), op))
    return [*before, low, *after]


def _named(new: Operator, like: Operator) -> Operator:
    new.source_name = like.source_name
    return new


def _groups(view: _View) -> Groups | None:
    """The axes in groups, as few joined as possible: first axes of extent 1, then others, from the front; else None."""
    groups: Groups = [[axis] for axis in range(len(view.outputs[0]))]
    while len(groups) > MOST_AXES:
        places = range(len(groups) - 1)
        at = next((i for i in places if _is_unit(view, groups[i]) or _is_unit(view, groups[i + 1])), None)
        if at is None:
            at = next((i for i in places if _are_one(view, groups[i] + groups[i + 1])), None)
        if at is None:
            return None
        groups[at : at + 2] = [groups[at] + groups[at + 1]]
    return groups


def _is_unit(view: _View, group: list[int]) -> bool:
    return all(shape[axis] == 1 for shape in view.shapes for axis in group)


def _are_one(view: _View, group: list[int]) -> bool:
    """No tensor is broadcast along some of these axes and not along others, and none is special."""
    wide = [axis for axis in group if any(shape[axis] != 1 for shape in view.shapes)]
    along = [{shape[axis] != 1 for axis in wide} for shape in view.shapes]
    return view.special.isdisjoint(group) and all(len(kinds) <= 1 for kinds in along)


def _view(op: Operator) -> _View | None:
    """The operator's shapes where all that it reads and makes has the same axes; None for any other."""
    if op.kind in ELEMENTWISE:
        return _elementwise(op)
    if op.kind not in _ATTRIBUTES or any(t.is_constant for t in op.outputs):
        return None
    found = _named_axes(op)
    if found is None:
        return None
    rank = max(len(t.shape) for t in _activations(op))
    whole = (rank,) if op.kind in _OPERANDS else ()  # a constant that is no attribute
    inputs = [None if t is None or (t.is_constant and len(t.shape) not in whole) else t.shape for t in op.inputs]
    outputs = [t.shape for t in op.outputs]
    if op.kind in REDUCTIONS:
        outputs = [tuple(1 if i in found else n for i, n in enumerate(op.input(0).shape))]
    shapes = [*(shape for shape in inputs if shape is not None), *outputs]
    if any(len(shape) != rank for shape in shapes):
        return None
    differs = {axis for axis in range(rank) if op.kind != "BATCH_MATMUL" and len({shape[axis] for shape in shapes}) > 1}
    return _View(inputs, outputs, frozenset({axis % rank for axis in found} | differs))


def _elementwise(op: Operator) -> _View | None:
    rank = len(op.output.shape)
    inputs: list[Shape | None] = []
    for tensor in op.inputs:
        if tensor is None or (tensor.is_constant and prod(tensor.shape) == 1):
            inputs.append(None)
        elif len(tensor.shape) == rank or (tensor.is_constant and len(tensor.shape) < rank):
            inputs.append((1,) * (rank - len(tensor.shape)) + tensor.shape)
        else:
            return None
    return _View(inputs, [op.output.shape], frozenset())


def _named_axes(op: Operator) -> set[int] | None:
    """Axes that the operator names, or treats by their position; None for forms that are left alone."""
    rank = len(op.input(0).shape)
    match op.kind:
        case "SOFTMAX" | "LOG_SOFTMAX":
            return {rank - 1}
        case "BATCH_MATMUL":
            return {rank - 2, rank - 1}
        case "CONCATENATION":
            return {op.options.axis % rank}
        case "GATHER":
            plain = not op.options.batchDims and len(op.input(1).shape) == 1 and op.input(1).is_constant
            return {op.options.axis % rank} if plain else None
        case "SPLIT" | "SPLIT_V":
            return set(ints(op.input(_SPLIT_AXIS[op.kind])))
        case "STRIDED_SLICE":
            plain = not (op.options.ellipsisMask or op.options.newAxisMask or op.options.shrinkAxisMask)
            return {axis for axis, step in enumerate(ints(op.input(3))) if step != 1} if plain else None
        case "ARG_MAX" | "ARG_MIN":
            return None
        case _:
            axes = constant_input(op, 1)
            if axes is None:
                return None
            return {int(axis) % rank for axis in axes.reshape(-1)} if op.kind in REDUCTIONS else set()


_SPLIT_AXIS = {"SPLIT": 0, "SPLIT_V": 2}


def _place(axis: int, groups: Groups) -> int:
    rank = sum(map(len, groups))
    return next(i for i, group in enumerate(groups) if axis % rank in group)


def _option_axis(op: Operator, groups: Groups, _: _View) -> None:
    op.options.axis = _place(op.options.axis, groups)


def _split_axis(op: Operator, groups: Groups, _: _View) -> None:
    index = _SPLIT_AXIS[op.kind]
    old = op.input(index)
    axis = np.array(_place(ints(old)[0], groups), np.int32)
    op.inputs[index] = Tensor.constant(old.name, axis.reshape(old.shape))


def _reduced_axes(op: Operator, groups: Groups, _: _View) -> None:
    axes = sorted({_place(axis, groups) for axis in ints(op.input(1))})
    op.inputs[1] = Tensor.constant(op.input(1).name, np.array(axes, np.int32))
    op.options.keepDims = True


def _slice(op: Operator, groups: Groups, view: _View) -> None:
    begin = ints(op.input(1))
    starts = np.array([sum(begin[axis] for axis in group) for group in groups], np.int32)
    op.inputs[1] = Tensor.constant(op.input(1).name, starts)
    op.inputs[2] = Tensor.constant(op.input(2).name, np.array(_joined(view.outputs[0], groups), np.int32))


def _strided_slice(op: Operator, groups: Groups, view: _View) -> None:
    """A group of several axes is either whole, or one axis among others of extent 1."""
    vectors = [list(ints(op.input(index))) for index in (1, 2, 3)]
    masks = [op.options.beginMask, op.options.endMask]
    new: list[list[int]] = [[], [], []]
    bits = [0, 0]
    for place, group in enumerate(groups):
        axis = next((a for a in group if a in view.special), None)
        for vector, old, whole in zip(new, vectors, (0, prod(view.outputs[0][a] for a in group), 1), strict=True):
            vector.append(whole if axis is None else old[axis])
        for which, mask in enumerate(masks):
            bits[which] |= (axis is not None and mask >> axis & 1) << place
    for index, vector in zip((1, 2, 3), new, strict=True):
        op.inputs[index] = Tensor.constant(op.input(index).name, np.array(vector, np.int32))
    op.options.beginMask, op.options.endMask = bits


def _rows(op: Operator, groups: Groups, _: _View) -> None:
    """Rewrite the rows of a PAD's constant for the groups; at most one axis of each group is padded."""
    rows = op.input(1).data
    assert rows is not None
    joined = np.stack([rows[group].sum(axis=0) for group in groups]).astype(rows.dtype)
    op.inputs[1] = Tensor.constant(op.input(1).name, joined)


def _nothing(_op: Operator, _groups: Groups, _view: _View) -> None:
    return None


_ATTRIBUTES: dict[str, Callable[[Operator, Groups, _View], None]] = {
    **dict.fromkeys(("SOFTMAX", "LOG_SOFTMAX", "BATCH_MATMUL"), _nothing),
    **dict.fromkeys(("CONCATENATION", "GATHER"), _option_axis),
    **dict.fromkeys(_SPLIT_AXIS, _split_axis),
    **dict.fromkeys(REDUCTIONS - {"ARG_MAX", "ARG_MIN"}, _reduced_axes),
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), _rows),
}

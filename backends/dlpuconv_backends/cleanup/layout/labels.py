"""Labels: in which order the axes of a value are stored.

A value that is labelled `p` is stored as `numpy.transpose(value, p)`: stored axis i is logical axis p[i].
The identity label is the layout that the graph was lowered with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

type Label = tuple[int, ...]
type Shape = tuple[int, ...]


def identity(rank: int) -> Label:
    """Stored as it is."""
    return tuple(range(rank))


def channels_last(rank: int) -> Label:
    """[N, C, ...] is stored as [N, ..., C]."""
    return (0, *range(2, rank), 1) if rank > 2 else identity(rank)


def inverse(label: Label) -> Label:
    """The permutation that undoes this one."""
    return tuple(label.index(axis) for axis in range(len(label)))


def permuted(values: Sequence[int], label: Label) -> tuple[int, ...]:
    """One value an axis, in the stored order."""
    return tuple(values[axis] for axis in label)


def step(stored: Label, wanted: Label) -> Label:
    """The TRANSPOSE that turns a value stored as `stored` into one stored as `wanted`."""
    return tuple(stored.index(axis) for axis in wanted)


def moves_data(shape: Shape, stored: Label, wanted: Label) -> bool:
    """False when the two differ only in where axes of extent 1 stand, so that a RESHAPE does."""
    return [a for a in stored if shape[a] != 1] != [a for a in wanted if shape[a] != 1]


def atoms(before: Shape, after: Shape) -> tuple[list[list[int]], list[list[int]], list[int]] | None:
    """Split the axes of both sides of a RESHAPE into common factors.

    Returns:
        For each axis of `before`, then of `after`, the atoms that it is made of (row-major; none for extent 1), and
        the extent of each atom; None where no common factors exist (such as [4, 6] -> [6, 4]).
    """
    left: list[list[int]] = [[] for _ in before]
    right: list[list[int]] = [[] for _ in after]
    extents: list[int] = []
    rest_left, rest_right = 1, 1
    at_left, at_right = -1, -1
    while True:
        while rest_left == 1 and at_left + 1 < len(before):
            at_left += 1
            rest_left = before[at_left]
        while rest_right == 1 and at_right + 1 < len(after):
            at_right += 1
            rest_right = after[at_right]
        if rest_left == 1 or rest_right == 1:
            return (left, right, extents) if rest_left == rest_right else None
        small, large = sorted((rest_left, rest_right))
        if small == 0 or large % small:
            return None
        left[at_left].append(len(extents))
        right[at_right].append(len(extents))
        extents.append(small)
        rest_left //= small
        rest_right //= small


def is_reshape(before: Shape, stored: Label, after: Shape, result: Label) -> bool:
    """True when a plain RESHAPE of the stored `before` gives the stored `after`."""
    common = atoms(before, after)
    if common is None:
        return stored == identity(len(before)) and result == identity(len(after))
    left, right, _ = common
    return [a for axis in stored for a in left[axis]] == [a for axis in result for a in right[axis]]


def after_reshape(before: Shape, stored: Label, after: Shape) -> list[Label]:
    """Labels that a plain RESHAPE of the stored `before` can give to `after`, best first.

    They differ only in where axes of extent 1 stand: channels-last and the identity come before all others.
    """
    common = atoms(before, after)
    usual = [channels_last(len(after)), identity(len(after))]
    if common is not None:
        left, right, _ = common
        order = [a for axis in stored for a in left[axis]]
        position = {atom: i for i, atom in enumerate(order)}
        solid = sorted((axis for axis in range(len(after)) if right[axis]), key=lambda axis: position[right[axis][0]])
        usual.append(_with_unit_axes(solid, len(after)))
    return [label for label in dict.fromkeys(usual) if is_reshape(before, stored, after, label)]


def _with_unit_axes(solid: list[int], rank: int) -> Label:
    """Axes of extent 1 go where the identity has them, the others into the places between."""
    order = iter(solid)
    return tuple(next(order) if axis in solid else axis for axis in range(rank))

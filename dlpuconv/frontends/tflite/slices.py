"""Parts of a value: slices, gathered indices, and one-hot codes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from dlpuconv.frontends.tflite.graph import UnreadError, element_type

if TYPE_CHECKING:
    from dlpuconv.frontends.tflite.step import Step

_FAR: Final = (1 << 31) - 1
_OF_BOUNDS: Final = ("begin_mask", "end_mask", "shrink_axis_mask")
_MASKS: Final = ("ellipsis_mask", "new_axis_mask", *_OF_BOUNDS)
"""Options of a strided slice, whose bits are of one place in the brackets each."""


def slice_(step: Step) -> None:
    """From these indices on, so many values of each axis; -1 is all that are left."""
    begins, sizes = step.numbers(1, "beginnings"), step.numbers(2, "sizes")
    if len(begins) != len(sizes):
        raise UnreadError("its indices do not fit one another")
    ends = [_FAR if size < 0 else begin + size for begin, size in zip(begins, sizes, strict=True)]
    value = step.alone()
    axes = [value.axis(axis, len(begins)) for axis in range(len(begins))]
    step.give("Slice", [*value.names, *map(step.constant, (begins, ends, axes))], first=value.first)


@dataclass(frozen=True, slots=True)
class _Place:
    """One place in the brackets of `a[begin:end:stride, ...]`, which is of one axis of the input."""

    axis: int
    begin: int = 0
    end: int = _FAR
    stride: int = 1
    is_one: bool = False


def strided_slice(step: Step) -> None:
    """As `a[begin:end:stride, ...]` of numpy, with new axes and an ellipsis.

    Source: tensorflow/lite/kernels/strided_slice.cc.
    """
    places, new = _places(step)
    rank, gone = len(step.tensor(0).shape), [place.axis for place in places if place.is_one]
    if len(places) > rank or any(not place.stride for place in places):
        raise UnreadError("its indices do not fit its input")
    value = step.alone()
    name, first = (step.last(0), False) if gone or new else (value.names[0], value.first)
    axes = [value.axis(place.axis, rank) if first else place.axis for place in places]
    bounds = ([place.begin for place in places], [place.end for place in places], axes, [p.stride for p in places])
    inputs = [name, *map(step.constant, bounds)]
    if gone and new:
        step.give(
            "Unsqueeze", [step.node("Squeeze", [step.node("Slice", inputs), step.constant(gone)]), step.constant(new)]
        )
    elif gone or new:
        step.give("Squeeze" if gone else "Unsqueeze", [step.node("Slice", inputs), step.constant(gone or new)])
    else:
        step.give("Slice", inputs, first=first)


def _places(step: Step) -> tuple[list[_Place], list[int]]:
    """The places that are of an axis, and where in the result there are new axes."""
    begins, ends, strides = (step.numbers(i, what) for i, what in ((1, "beginnings"), (2, "ends"), (3, "strides")))
    if not len(begins) == len(ends) == len(strides):
        raise UnreadError("its indices do not fit one another")
    count, rank = len(begins), len(step.tensor(0).shape)
    masked = {mask: [_bit(step, mask, i) for i in range(count)] for mask in _MASKS}
    places: list[_Place] = []
    new: list[int] = []
    made = 0  # axes of the result so far
    for i in range(count):
        if masked["ellipsis_mask"][i]:
            behind = sum(not is_new for is_new in masked["new_axis_mask"][i + 1 :])
            made += max(rank - len(places) - behind, 0)
            places += [_Place(axis) for axis in range(len(places), rank - behind)]
        elif masked["new_axis_mask"][i]:
            new.append(made)
            made += 1
        else:
            offset = begins[i] if step.option("offset", default=False) else 0
            place = _Place(len(places), begins[i], ends[i] + offset, strides[i])
            places.append(_bounded(place, *(masked[mask][i] for mask in _OF_BOUNDS)))
            made += not places[-1].is_one
    return places, new


def _bounded(place: _Place, from_start: bool, to_end: bool, is_one: bool) -> _Place:
    forward = place.stride > 0
    begin = (0 if forward else _FAR) if from_start else place.begin
    if is_one:
        return _Place(place.axis, begin, begin + 1 or _FAR, 1, is_one=True)
    return _Place(place.axis, begin, (_FAR if forward else -_FAR) if to_end else place.end, place.stride)


def _bit(step: Step, mask: str, place: int) -> bool:
    return bool(int(step.option(mask)) >> place & 1)


def gather(step: Step) -> None:
    """Values at indices along an axis."""
    if step.option("batch_dims"):
        raise UnreadError("it gathers other indices of each of a batch")
    step.give("Gather", [step.last(0), step.last(1)], axis=int(step.option("axis")))


def gather_nd(step: Step) -> None:
    """Values at places, whose indices lie along the last axis."""
    step.give("GatherND", [step.last(0), step.int64(1)])


def one_hot(step: Step) -> None:
    """`on` where the index is that of the place along a new axis, else `off`."""
    new = step.constant([0])
    values = step.node("Concat", [step.node("Unsqueeze", [step.last(i), new]) for i in (3, 2)], axis=0)
    step.give("OneHot", [step.int64(0), step.int64(1), values], axis=int(step.option("axis", -1)))


def shape(step: Step) -> None:
    """The extents of a value."""
    step.give("Cast", [step.node("Shape", [step.last(0)])], to=element_type(step.output().dtype))


def rank(step: Step) -> None:
    """The number of axes."""
    step.graph.know(step.output().index, np.array(len(step.tensor(0).shape), np.int32))


def range_(step: Step) -> None:
    """Numbers from, to, by."""
    step.give("Range", [step.last(0), step.last(1), step.last(2)])

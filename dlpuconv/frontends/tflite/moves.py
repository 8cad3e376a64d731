"""What moves values without computing: shapes, axes, joining, repeating, padding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.frontends.tflite.graph import TO_FIRST, UnreadError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dlpuconv.frontends.tflite.step import Step


def reshape(step: Step) -> None:
    """The shape is an input, or an option in old files."""
    shape = step.int64(1) if step.has(1) else step.constant(list(step.option("new_shape", ())))
    step.give("Reshape", [step.last(0), shape])


def transpose(step: Step) -> None:
    """Axis i of the result is axis perm[i]."""
    rank = step.rank()
    permutation = [axis % rank for axis in step.numbers(1, "permutation")]
    if sorted(permutation) != list(range(rank)):
        raise UnreadError("its permutation does not fit its input")
    step.give("Transpose", [step.last(0)], perm=permutation)


def squeeze(step: Step) -> None:
    """Axes of one extent go: these, or all."""
    axes = list(step.option("squeeze_dims", ()))
    step.give("Squeeze", [step.last(0), *([step.constant(axes)] if axes else [])])


def expand_dims(step: Step) -> None:
    """A new axis of one extent."""
    step.give("Unsqueeze", [step.last(0), step.constant([step.number(1, "axis")])])


def concatenation(step: Step) -> None:
    """Values side by side along an axis."""
    operands = step.together(*range(len(step.layer.inputs)))
    axis = operands.axis(int(step.option("axis")), max(len(step.output().shape), 1))
    step.give("Concat", operands.names, first=operands.first, axis=axis)


def pack(step: Step) -> None:
    """Values side by side along a new axis."""
    axis = int(step.option("axis"))
    new = step.constant([axis])
    parts = [step.node("Unsqueeze", [step.last(position), new]) for position in range(len(step.layer.inputs))]
    step.give("Concat", parts, axis=axis)


def unpack(step: Step) -> None:
    """Slices along an axis, which goes."""
    axis, count = int(step.option("axis")), len(step.layer.outputs)
    new = step.constant([axis])
    for position in range(count):
        part = step.node("Gather", [step.last(0), step.constant(np.array([position], np.int64))], axis=axis)
        step.give_each("Squeeze", [part, new], [position])


def split(step: Step) -> None:
    """Equal parts along an axis."""
    axis, count = step.number(0, "axis") % step.rank(1), len(step.layer.outputs)
    extent = step.tensor(1).shape[axis]
    if extent < 1 or extent % count:
        raise UnreadError(f"{extent} values are to be split into {count} equal parts")
    _split(step, 1, axis, [extent // count] * count)


def split_v(step: Step) -> None:
    """Parts of these sizes along an axis; -1 is what is left."""
    sizes, axis = step.numbers(1, "sizes"), step.number(2, "axis") % step.rank()
    extent = step.tensor(0).shape[axis]
    _split(step, 0, axis, [extent - sum(s for s in sizes if s >= 0) if size < 0 else size for size in sizes])


def _split(step: Step, position: int, axis: int, sizes: Sequence[int]) -> None:
    value = step.alone(position)
    axis = value.axis(axis, len(step.tensor(position).shape))
    outputs = range(len(step.layer.outputs))
    step.give_each("Split", [*value.names, step.constant(sizes)], outputs, first=value.first, axis=axis)


def tile(step: Step) -> None:
    """Repeated along each axis."""
    step.give("Tile", [step.last(0), step.int64(1)])


def broadcast_to(step: Step) -> None:
    """Repeated along axes of one extent."""
    step.give("Expand", [step.last(0), step.int64(1)])


def fill(step: Step) -> None:
    """One value everywhere."""
    step.give("Expand", [step.last(1), step.int64(0)])


def zeros_like(step: Step) -> None:
    """Zero in the input's shape."""
    zero = step.scalar(0, step.tensor(0).dtype)
    step.give("Expand", [zero, step.node("Shape", [step.last(0)])])


def pad(step: Step) -> None:
    """Zeros around a value, or another number."""
    value = step.alone()
    pads = _pads(step, value.first)
    step.give("Pad", [*value.names, pads, *([step.last(2)] if step.has(2) else [])], first=value.first)


def mirror_pad(step: Step) -> None:
    """A value continued by its mirror image: without its own edge (REFLECT), or with it (SYMMETRIC)."""
    value = step.alone()
    if step.option("mode", "REFLECT") == "REFLECT":
        step.give("Pad", [*value.names, _pads(step, value.first)], first=value.first, mode="reflect")
        return
    amounts, name = _amounts(step).tolist(), value.names[0]
    for axis, (before, behind) in enumerate(amounts):
        extent, where = step.tensor(0).shape[axis], value.axis(axis, len(amounts))
        if not 0 <= max(before, behind) <= extent:
            raise UnreadError("it pads by more than there is to mirror")
        parts = [_mirrored(step, name, where, before, 0)] if before else []
        parts.append(name)
        parts += [_mirrored(step, name, where, extent, extent - behind)] if behind else []
        name = step.node("Concat", parts, axis=where) if len(parts) > 1 else name
    step.give("Identity", [name], first=value.first)


def _mirrored(step: Step, value: str, axis: int, stop: int, start: int) -> str:
    """Indices stop - 1 down to start of an axis."""
    ends = start - 1 if start else -(1 << 31)
    return step.node("Slice", [value, *(step.constant([n]) for n in (stop - 1, ends, axis, -1))])


def _pads(step: Step, first: bool) -> str:
    amounts = _amounts(step)
    return step.constant((amounts[list(TO_FIRST)] if first else amounts).T.reshape(-1))


def _amounts(step: Step) -> npt.NDArray[np.int64]:
    """[axes, 2] What is added before and behind each axis of the file's layout."""
    amounts = np.array(step.numbers(1, "pads"), np.int64)
    if amounts.size != 2 * len(step.tensor(0).shape):
        raise UnreadError("its pads do not fit its input")
    return amounts.reshape(-1, 2)


def reverse(step: Step) -> None:
    """Axes from their end to their beginning."""
    axes = step.numbers(1, "axes")
    each = [step.constant([n] * len(axes)) for n in (-1, -(1 << 31))]
    step.give("Slice", [step.last(0), *each, step.constant(axes), step.constant([-1] * len(axes))])

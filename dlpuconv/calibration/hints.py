"""What turns an array of another form into samples of an input, as a clause of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.ir import Layout

if TYPE_CHECKING:
    from dlpuconv.ir import ValueSpec

_GRAY, _COLOR = 1, 3


def hint(spec: ValueSpec, shape: tuple[int, ...]) -> str:
    """A clause such as `; the array is NHWC and the model is NCHW: give x.transpose(0, 3, 1, 2)`.

    Args:
        spec: of the input.
        shape: of the array, which does not fit.

    Returns:
        Empty where nothing is known to help.
    """
    if spec.is_image:
        return _other_layout(spec, shape) or _other_channels(spec, shape) or _other_size(spec, shape)
    want = spec.shape
    if len(shape) == len(want) and shape[:1] == want[:1] and want[1:2] == (1,) and shape[2:] == want[2:]:
        return "; its samples lie along axis 1: give numpy.moveaxis(x, 1, 0)"
    return ""


def _other_layout(spec: ValueSpec, shape: tuple[int, ...]) -> str:
    planar = spec.layout is Layout.NCHW
    other = (*spec.height_width, spec.channels) if planar else (spec.channels, *spec.height_width)
    if shape[-3:] != other or len(shape) > 4:
        return ""
    axes = (2, 0, 1) if planar else (1, 2, 0)
    order = axes if len(shape) == len(axes) else (0, *(axis + 1 for axis in axes))
    found = "NHWC" if planar else "NCHW"
    return f"; the array is {found} and the model is {spec.layout.upper()}: give x.transpose{order}"


def _other_channels(spec: ValueSpec, shape: tuple[int, ...]) -> str:
    """Gray pictures for a network of three channels, and such with transparency."""
    axis = -3 if spec.layout is Layout.NCHW else -1
    sizes = shape[-2:] if axis == -3 else shape[-3:-1]
    if spec.channels != _COLOR or len(shape) not in (3, 4):
        return ""
    if shape[axis] == _GRAY and sizes == spec.height_width:
        return f"; its pictures are gray: give numpy.repeat(x, 3, axis={axis})"
    if shape[-2:] == spec.height_width and len(shape) == 3:
        new = ":, None" if axis == -3 else "..., None"
        return f"; its pictures are gray: give numpy.repeat(x[{new}], 3, axis={axis})"
    if shape[axis] == 4 and sizes == spec.height_width:
        return f"; its pictures have four channels: give x[{'..., :3, :, :' if axis == -3 else '..., :3'}]"
    return ""


def _other_size(spec: ValueSpec, shape: tuple[int, ...]) -> str:
    fits = len(shape) in (3, 4) and spec.channels in (shape[-3], shape[-1])
    return "; arrays are never resized, and the pictures in a folder are" if fits else ""

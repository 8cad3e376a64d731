"""Operators that move values about and compute nothing. They leave the batch open where it is the first axis."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from dlpuconv.passes import attributes as attrs
from dlpuconv.qat.onnx_module.facts import NotInTorchError, known, known_if_given, shape_made, shape_read

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx_ir

    type Tensor = Any
    type Function = Callable[..., Tensor]


def concat(node: onnx_ir.Node) -> Function:
    """Join along an axis; what is there once, such as a constant, for every sample of the batch."""
    axis = attrs.integer(node, "axis", 0)

    def joined(*parts: Tensor) -> Tensor:
        if axis == 0:
            return torch.cat(parts, axis)
        batch = next((part.shape[0] for part in parts if part.shape[0] != 1), 1)
        return torch.cat([p if p.shape[0] == batch else p.expand(batch, *p.shape[1:]) for p in parts], axis)

    return joined


def depth_to_space(node: onnx_ir.Node) -> Function:
    """Channels become pixels."""
    size = attrs.integer(node, "blocksize", 1)
    if attrs.text(node, "mode", "DCR") == "CRD":
        return functools.partial(functional.pixel_shuffle, upscale_factor=size)

    def moved(x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        parts = x.reshape(n, size, size, c // size**2, h, w).permute(0, 3, 4, 1, 5, 2)
        return parts.reshape(n, c // size**2, h * size, w * size)

    return moved


def space_to_depth(node: onnx_ir.Node) -> Function:
    """Pixels become channels."""
    size = attrs.integer(node, "blocksize", 1)

    def moved(x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        parts = x.reshape(n, c, h // size, size, w // size, size).permute(0, 3, 5, 1, 2, 4)
        return parts.reshape(n, c * size**2, h // size, w // size)

    return moved


def expand(node: onnx_ir.Node) -> Function:
    """Repeat along axes of one."""
    before, after = shape_read(node), shape_made(node)
    kept = len(before) == len(after) and before[0] == after[0]
    return lambda x: x.expand(x.shape[0] if kept else after[0], *after[1:])


def gather(node: onnx_ir.Node) -> Function:
    """Slices along an axis, by their places, none negative."""
    axis = attrs.integer(node, "axis", 0) % len(shape_read(node))

    def gathered(x: Tensor, places: Tensor) -> Tensor:
        found = torch.index_select(x, axis, places.reshape(-1))
        return found.reshape(*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])

    return gathered


def pad(node: onnx_ir.Node) -> Function:
    """Put a border around."""
    mode = attrs.text(node, "mode", "constant")
    if mode not in ("constant", "reflect", "edge") or known_if_given(node, 3) is not None:
        raise NotInTorchError(f"the mode {mode!r}, or axes")
    counts = [int(count) for count in known(node, 1)]
    half = len(counts) // 2
    ends = [end for axis in reversed(range(half)) for end in (counts[axis], counts[half + axis])]
    if mode == "constant":
        value = known_if_given(node, 2)
        return functools.partial(functional.pad, pad=ends, value=0.0 if value is None else float(value.item()))
    while len(ends) > 2 and not any(ends[-2:]):  # torch reflects the last axes only
        del ends[-2:]
    return functools.partial(functional.pad, pad=ends, mode="replicate" if mode == "edge" else mode)


def reshape(node: onnx_ir.Node) -> Function:
    """Values in another shape. A batch is outermost in memory, so that it can only lengthen the first axis."""
    shape = shape_made(node)
    return functools.partial(torch.reshape, shape=(-1, *shape[1:]) if shape else ())


def cut(node: onnx_ir.Node) -> Function:
    """Parts along axes, maybe in steps, maybe backwards."""
    shape = shape_read(node)
    starts, ends = ([int(each) for each in known(node, index)] for index in (1, 2))
    axes = [int(axis) for axis in (range(len(starts)) if known_if_given(node, 3) is None else known(node, 3))]
    steps = [1] * len(starts) if known_if_given(node, 4) is None else [int(step) for step in known(node, 4)]
    window, backwards = [slice(None)] * len(shape), []
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        window[axis] = slice(start, end, step)
        if step < 0:  # torch cuts forwards only
            places = range(shape[axis])[start : max(end, -shape[axis] - 1) : step]
            window[axis] = slice(min(places), max(places) + 1, -step) if places else slice(0, 0)
            backwards.append(axis)
    if not backwards:
        return lambda x: x[tuple(window)]
    return lambda x: torch.flip(x[tuple(window)], backwards)


def transpose(node: onnx_ir.Node) -> Function:
    """Axes in another order."""
    order = attrs.integers(node, "perm") or list(reversed(range(len(shape_read(node)))))
    return functools.partial(torch.permute, dims=order)

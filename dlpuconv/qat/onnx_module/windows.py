"""Operators that look at the neighbours of a pixel: convolutions, pools and resizes."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from dlpuconv.passes import attributes as attrs
from dlpuconv.qat.onnx_module.facts import NotInTorchError, shape_made, shape_read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import onnx_ir

    type Tensor = Any
    type Function = Callable[..., Tensor]

_CONVOLVE = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_TRANSPOSED = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}
_MAXIMUM = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_AVERAGE = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}


def convolution(node: onnx_ir.Node) -> Function:
    """Convolution of an input with weights [O, I / groups, ...] and, if given, a bias [O]."""
    rank = _rank(node)
    convolve = functools.partial(
        _CONVOLVE[rank], stride=_each(node, "strides", rank), dilation=_each(node, "dilations", rank),
        groups=attrs.integer(node, "group", 1),
    )  # fmt: skip
    before, behind = _pads(node, rank)
    if before == behind:
        return functools.partial(convolve, padding=before)
    ends = _ends(before, behind)
    return lambda x, *weights: convolve(functional.pad(x, ends), *weights)


def transposed_convolution(node: onnx_ir.Node) -> Function:
    """Transposed convolution of an input with weights [I, O / groups, ...] and, if given, a bias [O]."""
    rank = _rank(node)
    before, behind = _pads(node, rank)
    more = _each(node, "output_padding", rank, 0)
    convolve = functools.partial(
        _TRANSPOSED[rank], stride=_each(node, "strides", rank), dilation=_each(node, "dilations", rank),
        groups=attrs.integer(node, "group", 1),
    )  # fmt: skip
    if before == behind:
        return functools.partial(convolve, padding=before, output_padding=more)
    cut = _ends([-n for n in before], [m - n for n, m in zip(behind, more, strict=True)])
    if max(cut) > 0:
        raise NotInTorchError("its output padding")
    return lambda x, *weights: functional.pad(convolve(x, *weights), cut)


def maximum_pool(node: onnx_ir.Node) -> Function:
    """Largest value in a window."""
    rank = _rank(node)
    pool = functools.partial(_MAXIMUM[rank], dilation=_each(node, "dilations", rank), **_window(node, rank))
    before, behind = _pads(node, rank)
    if before == behind and all(2 * n <= size for n, size in zip(before, _kernel(node), strict=True)):
        return functools.partial(pool, padding=before)
    ends = _ends(before, behind)
    return lambda x: pool(functional.pad(x, ends, value=-math.inf))


def average_pool(node: onnx_ir.Node) -> Function:
    """Mean of a window; of what is inside the map, unless padding counts."""
    rank = _rank(node)
    if any(step != 1 for step in _each(node, "dilations", rank)):
        raise NotInTorchError("dilations")
    counted = bool(attrs.integer(node, "count_include_pad", 0))
    pool = functools.partial(_AVERAGE[rank], **_window(node, rank))
    before, behind = _pads(node, rank)
    if before == behind and all(2 * n <= size for n, size in zip(before, _kernel(node), strict=True)):
        return functools.partial(pool, padding=before, count_include_pad=counted)
    ends = _ends(before, behind)
    if counted:
        return lambda x: pool(functional.pad(x, ends))
    return lambda x: pool(functional.pad(x, ends)) / pool(functional.pad(torch.ones_like(x), ends))


def resize(node: onnx_ir.Node) -> Function:
    """Enlarge or shrink a map.

    Raises:
        NotInTorchError: torch does not interpolate so; see `interpolation`.
    """
    found = interpolation(node)
    if found is None:
        raise NotInTorchError("its mode of interpolation")
    return functools.partial(functional.interpolate, size=shape_made(node)[2:], **found)


def interpolation(node: onnx_ir.Node) -> dict[str, Any] | None:
    """Options of torch's `interpolate` for the same as a Resize, or None where it has none.

    Torch takes the ratio of the extents as its scale, ONNX the scale that is stated: they may differ where an extent
    was rounded.
    """
    before, after = shape_read(node), shape_made(node)
    mode = attrs.text(node, "mode", "nearest")
    where = attrs.text(node, "coordinate_transformation_mode", "half_pixel")
    rank = len(before) - 2
    whole = all(a % b == 0 for a, b in zip(after, before, strict=True))
    if rank not in (1, 2, 3) or before[:2] != after[:2] or attrs.integer(node, "antialias", 0):
        return None
    if mode == "nearest":
        towards = attrs.text(node, "nearest_mode", "round_prefer_floor")
        # Of a whole factor, the middle of each small pixel lies in the pixel that it came from.
        same = (where, towards) == ("asymmetric", "floor") or (
            where in ("half_pixel", "pytorch_half_pixel") and towards.startswith("round")
        )
        return {"mode": "nearest"} if whole and same else None
    linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[rank]
    if mode != "linear" or not (whole or where == "align_corners"):
        return None
    if where == "align_corners":
        return {"mode": linear, "align_corners": True}
    return {"mode": linear, "align_corners": False} if where in ("half_pixel", "pytorch_half_pixel") else None


def _rank(node: onnx_ir.Node) -> int:
    rank = len(shape_read(node)) - 2
    if rank not in _CONVOLVE or attrs.text(node, "auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise NotInTorchError(f"a map of {rank} axes, or pads that are not written out")
    return rank


def _kernel(node: onnx_ir.Node) -> list[int]:
    return attrs.integers(node, "kernel_shape") or []


def _window(node: onnx_ir.Node, rank: int) -> dict[str, Any]:
    rounds_up = bool(attrs.integer(node, "ceil_mode", 0))
    return {"kernel_size": _kernel(node), "stride": _each(node, "strides", rank), "ceil_mode": rounds_up}


def _each(node: onnx_ir.Node, name: str, rank: int, default: int = 1) -> list[int]:
    return attrs.integers(node, name) or [default] * rank


def _pads(node: onnx_ir.Node, rank: int) -> tuple[list[int], list[int]]:
    """In front of each axis of the map, and behind it."""
    found = attrs.integers(node, "pads") or [0] * (2 * rank)
    return found[:rank], found[rank:]


def _ends(before: Sequence[int], behind: Sequence[int]) -> list[int]:
    """Pads in the order of torch's `pad`: the last axis first."""
    return [count for pair in reversed(list(zip(before, behind, strict=True))) for count in pair]

"""Pools, resizing, and what moves blocks of pixels into channels and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlpuconv.frontends.tflite.graph import UnreadError
from dlpuconv.frontends.tflite.layers import padding

if TYPE_CHECKING:
    from dlpuconv.frontends.tflite.step import Step


def average_pool_2d(step: Step) -> None:
    """The mean of a window; what lies outside is not counted."""
    step.give("AveragePool", [step.first(0)], first=True, count_include_pad=0, **_window(step))


def max_pool_2d(step: Step) -> None:
    """The largest value of a window."""
    step.give("MaxPool", [step.first(0)], first=True, **_window(step))


def l2_pool_2d(step: Step) -> None:
    """The root of the mean square of a window."""
    value = step.first(0)
    mean = step.node("AveragePool", [step.node("Mul", [value, value])], count_include_pad=0, **_window(step))
    step.give("Sqrt", [mean], first=True)


def _window(step: Step) -> dict[str, Any]:
    return {
        "kernel_shape": (step.option("filter_height", 1), step.option("filter_width", 1)),
        "strides": (step.option("stride_h", 1), step.option("stride_w", 1)),
        "auto_pad": padding(step),
    }


def resize_bilinear(step: Step) -> None:
    """Formula: `ComputeInterpolationValues` of kernels/internal/reference/resize_bilinear.h."""
    _resize(step, mode="linear", coordinate_transformation_mode=_positions(step))


def resize_nearest_neighbor(step: Step) -> None:
    """Formula: `GetNearestNeighbor` of kernels/internal/reference/resize_nearest_neighbor.h.

    Positions are rounded half up where corners are aligned. Between pixels, floor((x + 0.5) * scale) is that, too.
    """
    positions = _positions(step)
    nearest = "floor" if positions == "asymmetric" else "round_prefer_ceil"
    _resize(step, mode="nearest", coordinate_transformation_mode=positions, nearest_mode=nearest)


def _positions(step: Step) -> str:
    if step.option("align_corners", default=False):
        if step.option("half_pixel_centers", default=False):
            raise UnreadError("it aligns both corners and centers of pixels")
        return "align_corners"
    return "half_pixel" if step.option("half_pixel_centers", default=False) else "asymmetric"


def _resize(step: Step, **attributes: str) -> None:
    batch, _, _, channels = step.image(0)
    sizes = step.constant([max(batch, 1), channels, *_pair(step, 1, "size")])
    nothing = ""
    step.give("Resize", [step.first(0), nothing, nothing, sizes], first=True, **attributes)


def depth_to_space(step: Step) -> None:
    """Channels are rows, then columns, then channels of a block."""
    step.give("DepthToSpace", [step.first(0)], first=True, blocksize=step.option("block_size", 1), mode="DCR")


def space_to_depth(step: Step) -> None:
    """The other way round."""
    step.give("SpaceToDepth", [step.first(0)], first=True, blocksize=step.option("block_size", 1))


def space_to_batch_nd(step: Step) -> None:
    """[N, H, W, C] -> pads, then [by * bx * N, H / by, W / bx, C]."""
    (by, bx), (top, bottom, left, right) = _pair(step, 1, "block"), _edges(step, "pads")
    n, height, width, channels = step.image(0)
    if min(n, height, width, channels) < 1 or min(by, bx) < 1:
        raise UnreadError("it needs a static shape")
    padded = step.node("Pad", [step.last(0), step.constant([0, top, left, 0, 0, bottom, right, 0])])
    rows, columns = (height + top + bottom) // by, (width + left + right) // bx
    parts = step.node("Reshape", [padded, step.constant([n, rows, by, columns, bx, channels])])
    moved = step.node("Transpose", [parts], perm=(2, 4, 0, 1, 3, 5))
    step.give("Reshape", [moved, step.constant([by * bx * n, rows, columns, channels])])


def batch_to_space_nd(step: Step) -> None:
    """[by * bx * N, H, W, C] -> [N, H * by, W * bx, C], then crops."""
    (by, bx), (top, bottom, left, right) = _pair(step, 1, "block"), _edges(step, "crops")
    n, height, width, channels = step.image(0)
    if min(n, height, width, channels) < 1 or min(by, bx) < 1:
        raise UnreadError("it needs a static shape")
    n //= by * bx
    parts = step.node("Reshape", [step.last(0), step.constant([by, bx, n, height, width, channels])])
    moved = step.node("Transpose", [parts], perm=(2, 3, 0, 4, 1, 5))
    whole = step.node("Reshape", [moved, step.constant([n, height * by, width * bx, channels])])
    ends = [height * by - bottom, width * bx - right]
    step.give("Slice", [whole, step.constant([top, left]), step.constant(ends), step.constant([1, 2])])


def _pair(step: Step, position: int, what: str) -> tuple[int, int]:
    """Two integers: one for rows and one for columns."""
    numbers = step.numbers(position, what)
    if len(numbers) != len("HW"):
        raise UnreadError(f"its {what} would have to be two integers")
    return numbers[0], numbers[1]


def _edges(step: Step, what: str) -> tuple[int, int, int, int]:
    """At the top, at the bottom, on the left, on the right."""
    numbers = step.numbers(2, what)
    if len(numbers) != 2 * len("HW"):
        raise UnreadError(f"its {what} would have to be four integers")
    return numbers[0], numbers[1], numbers[2], numbers[3]

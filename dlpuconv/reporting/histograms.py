"""Histograms of codes against the range that 8 bits have: what is unused, and what piles up at the ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.reporting.drawings import Histogram, Tick
from dlpuconv.reporting.wording import MINUS, number, percent

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.formats import TensorView

    type Counts = npt.NDArray[np.int64]

WIDTH, HEIGHT = 360, 150
LEFT, TOP, BOTTOM = 4, 8, 112
_CODES = 256
_PILED_UP = 0.002
"""Share of all values at the last code from which they are drawn as saturated."""
_LOWEST = {"int8": -128, "uint8": 0}


def activation_histogram(tensor: TensorView, counts: Counts) -> Histogram | None:
    """What a layer makes.

    Args:
        tensor: int8 or uint8 with one scale.
        counts: [256] how often each code occurred, the lowest first.
    """
    total = int(counts.sum())
    if tensor.quantization is None or not total:
        return None
    used = np.flatnonzero(counts)
    share = float(counts[-1]) / total
    caption = f"{_used(len(used))}, from {_code(tensor, used[0])} to {_code(tensor, used[-1])}"
    if share >= _PILED_UP:
        caption += f"; {percent(share)} of the values lie at the highest code: clipped, by a ReLU6 or by the range"
    return _histogram(tensor, counts, "What it makes", f"{caption}.", "values")


def weight_histogram(tensor: TensorView) -> Histogram | None:
    """The weights of a layer, if they are 8-bit codes that the file holds."""
    counts = code_counts(tensor)
    if counts is None or tensor.quantization is None:
        return None
    used = int(np.count_nonzero(counts))
    kind = "one scale for each channel" if tensor.quantization.per_channel else "one scale for all channels"
    zeros = float(counts[_zero(tensor)]) / max(int(counts.sum()), 1)
    caption = f"{kind}; {_used(used)}; {percent(zeros)} of the weights are zero."
    return _histogram(tensor, counts, "Weights", caption[0].upper() + caption[1:], "weights")


def channel_chart(tensor: TensorView, axis: int) -> Histogram | None:
    """How much of the range each output channel's weights use, the most first; only where they share one scale."""
    peaks = channel_peaks(tensor, axis)
    if peaks is None or len(peaks) < 2:
        return None
    peaks = np.sort(peaks)[::-1]
    low = int(np.count_nonzero(peaks < 16))
    median = float(np.median(peaks))
    caption = f"The median channel reaches code {median:.0f} of 127; {low} of {len(peaks)} channels stay below 16."
    steps = np.linspace(LEFT, WIDTH - LEFT, len(peaks) + 1)
    return Histogram(
        title="Range used by channels",
        caption=caption,
        path=_area(steps, peaks / 127),
        ends="",
        zero=None,
        x_ticks=(Tick(at=LEFT, text="widest"), Tick(at=WIDTH - LEFT, text="narrowest")),
        x_label=f"{len(peaks)} channels, sorted",
        y_label="largest code, 0 to 127",
    )


def code_counts(tensor: TensorView) -> Counts | None:
    """[256] how often each code occurs in a constant, the lowest first."""
    if tensor.dtype not in _LOWEST or tensor.data is None or not tensor.data.size:
        return None
    codes = tensor.data.astype(np.int16).ravel() - _LOWEST[tensor.dtype]
    return np.bincount(codes, minlength=_CODES).astype(np.int64)


def channel_peaks(tensor: TensorView, axis: int) -> npt.NDArray[np.int64] | None:
    """[C] largest distance from the zero point in each output channel, in codes; None where channels have scales."""
    if tensor.dtype not in _LOWEST or tensor.data is None or not tensor.data.size or tensor.quantization is None:
        return None
    if tensor.quantization.per_channel or not 0 <= axis < tensor.data.ndim:
        return None
    codes = np.abs(tensor.data.astype(np.int64) - tensor.quantization.zero_point)
    others = tuple(a for a in range(codes.ndim) if a != axis)
    return np.asarray(codes.max(axis=others), np.int64)


def _histogram(tensor: TensorView, counts: Counts, title: str, caption: str, noun: str) -> Histogram:
    heights = np.log10(counts + 1.0)
    heights /= max(float(heights.max()), 1e-9)
    steps = np.linspace(LEFT, WIDTH - LEFT, _CODES + 1)
    total = max(int(counts.sum()), 1)
    ends = [at for at in (0, _CODES - 1) if counts[at] / total >= _PILED_UP and at != _zero(tensor)]
    return Histogram(
        title=title,
        caption=caption,
        path=_area(steps, heights),
        ends=" ".join(_area(steps[at : at + 2], heights[at : at + 1]) for at in ends),
        zero=round(float(steps[_zero(tensor)] + steps[_zero(tensor) + 1]) / 2, 1),
        x_ticks=tuple(Tick(at=at, text=_code(tensor, code)) for at, code in ((LEFT, 0), (WIDTH - LEFT, _CODES - 1))),
        x_label="code = real value",
        y_label=f"number of {noun}, logarithmic",
    )


def _area(steps: npt.NDArray[np.floating[Any]], heights: npt.NDArray[np.floating[Any]]) -> str:
    """A stepped outline: flat over each interval of `steps`, 0 to 1 high."""
    parts, level = [f"M{steps[0]:.1f} {BOTTOM}"], 0.0
    for left, height in zip(steps[:-1], heights, strict=True):
        if height != level:
            parts.append(f"H{left:.1f}V{BOTTOM - (BOTTOM - TOP) * height:.1f}")
            level = height
    return "".join([*parts, f"H{steps[-1]:.1f}V{BOTTOM}Z"])


def _zero(tensor: TensorView) -> int:
    """Position of the code of zero."""
    point = tensor.quantization.zero_point if tensor.quantization else 0
    return min(max(point - _LOWEST[tensor.dtype], 0), _CODES - 1)


def _code(tensor: TensorView, position: int) -> str:
    """`-128 = 0.00`: a code, and its real value where there is one scale."""
    code = int(position) + _LOWEST[tensor.dtype]
    text = str(code).replace("-", MINUS)
    affine = tensor.quantization
    if affine is None or affine.per_channel:
        return text
    return f"{text} = {number(affine.real(code))}"


def _used(count: int) -> str:
    return f"{count} of {_CODES} codes occur"

"""The values that pixels become: what a range of samples tells of how they were made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.calibration.preprocess import PRESETS, Preprocessing

if TYPE_CHECKING:
    type Span = tuple[float, float]

_SLACK = 0.02
"""Share of a span by which its ends may be missed: samples need not hold pure black and white."""


def span_of(preprocessing: Preprocessing, channels: int) -> Span:
    """The lowest and the highest value that pixels of 0 to 255 can become."""
    mean, std = preprocessing.per_channel(channels)
    low = min((0 - m) / s for m, s in zip(mean, std, strict=False))
    high = max((255 - m) / s for m, s in zip(mean, std, strict=False))
    return low, high


def same_span(found: Span, expected: Span) -> bool:
    """Whether values reach both ends of a span, and not beyond."""
    slack = _SLACK * (expected[1] - expected[0])
    return all(abs(mine - theirs) <= slack for mine, theirs in zip(found, expected, strict=True))


def preset_of(found: Span, channels: int) -> str | None:
    """The preset that makes just these values of pixels, if one does."""
    fitting = [(name, mean, std) for name, (mean, std) in PRESETS.items() if len(mean) in (1, channels)]
    spans = {name: span_of(Preprocessing(mean=mean, std=std), channels) for name, mean, std in fitting}
    return next((name for name, expected in spans.items() if same_span(found, expected)), None)

"""Calibration data: where samples come from and how images become them."""

from typing import TYPE_CHECKING

from dlpuconv.calibration.cache import StatisticsCache, default_cache_folder
from dlpuconv.calibration.options import make_preprocessing
from dlpuconv.calibration.preprocess import PRESETS, Color, Preprocessing, Resize
from dlpuconv.calibration.samples import Calibration, Origin, PixelSamples, Sample, Samples, raw_images

if TYPE_CHECKING:
    from dlpuconv.calibration.linter import lint
    from dlpuconv.calibration.open import open_calibration

__all__ = [
    "PRESETS",
    "Calibration",
    "Color",
    "Origin",
    "PixelSamples",
    "Preprocessing",
    "Resize",
    "Sample",
    "Samples",
    "StatisticsCache",
    "default_cache_folder",
    "lint",
    "make_preprocessing",
    "open_calibration",
    "raw_images",
]


def __getattr__(name: str) -> object:
    """Import what needs numpy when it is first asked for: the command line starts without it."""
    if name == "open_calibration":
        from dlpuconv.calibration.open import open_calibration

        return open_calibration
    if name == "lint":
        from dlpuconv.calibration.linter import lint

        return lint
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

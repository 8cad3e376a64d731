"""Calibration data: where samples come from and how images become them."""

from typing import TYPE_CHECKING

from dlpuconv.calibration.cache import StatisticsCache
from dlpuconv.calibration.options import make_preprocessing
from dlpuconv.calibration.preprocess import PRESETS, Color, Preprocessing, Resize
from dlpuconv.calibration.samples import Calibration, Origin, PixelSamples, Sample, Samples, raw_images
from dlpuconv.lazy import later

if TYPE_CHECKING:
    from dlpuconv.calibration.linter import lint
    from dlpuconv.calibration.open import open_calibration

__all__ = [
    "PRESETS", "Calibration", "Color", "Origin", "PixelSamples", "Preprocessing", "Resize", "Sample", "Samples",
    "StatisticsCache", "lint", "make_preprocessing", "open_calibration", "raw_images",
]  # fmt: skip

# what needs numpy: the command line starts without it
__getattr__ = later(
    __name__, {"dlpuconv.calibration.linter": ("lint",), "dlpuconv.calibration.open": ("open_calibration",)}
)

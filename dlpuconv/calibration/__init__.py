"""Calibration data: where samples come from and how images become them."""

from dlpuconv.calibration.preprocess import PRESETS, Color, Preprocessing, Resize
from dlpuconv.calibration.samples import Calibration, Sample, Samples

__all__ = ["PRESETS", "Calibration", "Color", "Preprocessing", "Resize", "Sample", "Samples"]

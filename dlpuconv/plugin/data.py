"""What a backend works with beside the model: samples, statistics kept between runs, files of any size, progress."""

from __future__ import annotations

from dlpuconv import __version__
from dlpuconv.calibration import (
    Calibration,
    Color,
    Origin,
    PixelSamples,
    Preprocessing,
    Sample,
    Samples,
    StatisticsCache,
    open_calibration,
)
from dlpuconv.display.progress import Progress, Silent
from dlpuconv.files.content import Content, Store, StoredFile, sha256_of
from dlpuconv.verification.translate import to_artifact

__all__ = [
    # samples
    "Calibration",
    "Color",
    "Origin",
    "PixelSamples",
    "Preprocessing",
    "Sample",
    "Samples",
    "open_calibration",
    "to_artifact",
    # kept between runs
    "StatisticsCache",
    "__version__",
    # files
    "Content",
    "Store",
    "StoredFile",
    "sha256_of",
    # progress
    "Progress",
    "Silent",
]

"""What a backend works with beside the model: samples, statistics kept between runs, files of any size, progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
)
from dlpuconv.display.progress import Progress, Silent
from dlpuconv.files.content import Content, Store, StoredFile, sha256_of
from dlpuconv.lazy import later

if TYPE_CHECKING:
    from dlpuconv.calibration import open_calibration
    from dlpuconv.ir.weight_file import rest, watch
    from dlpuconv.verification.translate import to_artifact

__all__ = [
    # samples
    "Calibration", "Color", "Origin", "PixelSamples", "Preprocessing", "Sample", "Samples", "open_calibration",
    "to_artifact",
    # kept between runs
    "StatisticsCache", "__version__",
    # files
    "Content", "Store", "StoredFile", "sha256_of",
    # weights in a file of their own, which no message copies
    "rest", "watch",
    # progress
    "Progress", "Silent",
]  # fmt: skip

__getattr__ = later(
    __name__,
    {
        "dlpuconv.calibration.open": ("open_calibration",),
        "dlpuconv.ir.weight_file": ("rest", "watch"),
        "dlpuconv.verification.translate": ("to_artifact",),
    },
)

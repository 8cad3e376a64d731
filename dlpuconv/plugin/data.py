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
)
from dlpuconv.display.progress import Progress, Silent
from dlpuconv.files.content import Content, ContentStore, StoredFile, sha256_of
from dlpuconv.files.keep import NOTHING, Keep
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
    "Keep", "NOTHING", "__version__",
    # files
    "Content", "ContentStore", "StoredFile", "sha256_of",
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

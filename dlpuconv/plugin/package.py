"""A folder for a chip maker's own compiler: its parts, which a backend makes, and its texts, which a target writes."""

from __future__ import annotations

from dlpuconv.calibration.geometry import IN_WORDS
from dlpuconv.calibration.preprocess import Resize
from dlpuconv.formats.package_layout import (
    BINS,
    IMAGES,
    LIST,
    MODEL,
    RAW_PIXELS,
    RECORD,
    REFERENCE,
    SUMS,
    Encoding,
    ReferenceOrigin,
)
from dlpuconv.plugin.packager import (
    FEWEST_SAMPLES,
    MOST_SAMPLES,
    Contents,
    PackageInput,
    PackageOutput,
    Packager,
    Texts,
)

__all__ = [
    # what a target writes
    "Contents", "Packager", "Texts",
    # of what
    "Encoding", "ReferenceOrigin", "PackageInput", "PackageOutput",
    # how samples were brought to the size of an input
    "IN_WORDS", "Resize",
    # names of the parts
    "BINS", "IMAGES", "LIST", "MODEL", "RAW_PIXELS", "RECORD", "REFERENCE", "SUMS",
    # how many samples
    "FEWEST_SAMPLES", "MOST_SAMPLES",
]  # fmt: skip

"""Where the parts of a package folder for a chip maker's compiler lie, and how its numbers are stored."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MODEL = "model.onnx"
RESTS = ("front.onnx", "tail.onnx")
"""Parts of a divided network that the camera's CPU runs, of which the model is the chip's."""
MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
BINS = "dra_image_bin"
LIST = "dra_bin_list.txt"
IMAGES = "representative_images"
REFERENCE = "reference"
RECORD = f"{REFERENCE}/reference.json"

RAW_PIXELS = "dlpuconv.raw_pixels"
"""Metadata of the model: names of the inputs that take 0-255 as a camera delivers them, separated by commas."""


class ReferenceOrigin(StrEnum):
    """Where the inputs in `reference/` come from."""

    CALIBRATION = "calibration"
    """They are the first calibration files."""
    VALIDATION = "validation"
    """The user gave them for comparisons only."""
    MADE_UP = "made-up"
    """Nobody gave them."""


class Encoding(StrEnum):
    """How the numbers of an input are stored in the calibration files: little-endian, in the order of the shape."""

    UINT8 = "uint8"
    """Pixels, as a camera delivers them."""
    FLOAT32 = "float32"
    """Anything else, as the model takes it."""

    @property
    def itemsize(self) -> int:
        """Bytes of one number."""
        return 1 if self is Encoding.UINT8 else 4

    def to_bytes(self, values: npt.NDArray[np.float32]) -> bytes:
        """The numbers in C order; pixels are rounded and kept within 0-255."""
        import numpy as np

        if self is Encoding.FLOAT32:
            return np.asarray(values, "<f4").tobytes()
        return np.clip(np.rint(values), 0, 255).astype(np.uint8).tobytes()

    def from_bytes(self, content: bytes, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        """What is stored, exactly.

        Raises:
            ValueError: it is more or less than one array of this shape.
        """
        import numpy as np

        stored = np.frombuffer(content, np.uint8 if self is Encoding.UINT8 else "<f4")
        return np.asarray(stored.reshape(shape), np.float32)

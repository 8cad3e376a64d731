"""One image file -> pixels at the input's size."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from dlpuconv.calibration.geometry import LETTERBOX_FILL, place
from dlpuconv.regular import open_regular

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from dlpuconv.calibration.preprocess import Resize

UNREADABLE = (
    Image.DecompressionBombError,
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What Pillow's decoders are known to raise on broken files."""

_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)


def decode(path: Path, size: tuple[int, int], channels: int, resize: Resize) -> npt.NDArray[np.uint8]:
    """Read an image as a camera would have delivered it.

    The EXIF orientation is applied; 16-bit samples keep their high byte; alpha is dropped, as `cv2.imread` and
    training code do; gray inputs get ITU-R 601 luma. Resizing is bilinear with antialiasing (Pillow's BILINEAR: the
    filter widens with the reduction), after JPEG's own reduction to no less than twice the size where that applies.

    Args:
        path: the file.
        size: height and width of the input.
        channels: 3 for RGB, 1 for gray.
        resize: geometry.

    Returns:
        [H, W, channels] uint8, RGB or gray.

    Raises:
        ValueError: more pixels than Pillow's decompression-bomb limit.
        Exception: one of UNREADABLE.
    """
    target = (size[1], size[0])
    with open_regular(path) as content, Image.open(content) as file:
        limit = Image.MAX_IMAGE_PIXELS
        if limit is not None and file.width * file.height > limit:
            raise ValueError(f"{file.width} x {file.height} pixels are more than the limit of {limit}")
        _reduce_while_decoding(file, target, resize)
        image = _eight_bit(ImageOps.exif_transpose(file), "RGB" if channels == 3 else "L")
    placement = place(resize, image.size, target)
    part = image.resize(placement.size, Image.Resampling.BILINEAR, box=placement.box)
    if placement.size != target:
        canvas = Image.new(image.mode, target, (LETTERBOX_FILL,) * 3 if channels == 3 else LETTERBOX_FILL)
        canvas.paste(part, placement.at)
        part = canvas
    return np.asarray(part, np.uint8).reshape(size[0], size[1], channels)


def _reduce_while_decoding(file: Image.Image, target: tuple[int, int], resize: Resize) -> None:
    """Let the JPEG decoder skip the detail that resizing would throw away; other formats ignore this."""
    sideways = file.getexif().get(_EXIF_ORIENTATION) in _SIDEWAYS
    upright = file.size[::-1] if sideways else file.size
    placement = place(resize, upright, target)
    box = placement.box
    factors = (placement.size[0] / (box[2] - box[0]), placement.size[1] / (box[3] - box[1]))
    wanted = [max(1, int(2 * extent * factor)) for extent, factor in zip(upright, factors, strict=True)]
    file.draft(None, (wanted[1], wanted[0]) if sideways else (wanted[0], wanted[1]))


def _eight_bit(image: Image.Image, mode: str) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        deep = np.asarray(image, np.float64)
        # Gray PNGs of 16 bits arrive as "I;16" or "I"; the high byte is what 8-bit decoders keep.
        scale = 256.0 if image.mode.startswith("I;16") or deep.max(initial=0) > 255 else 1.0
        image = Image.fromarray(np.clip(deep // scale, 0, 255).astype(np.uint8))
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA")  # Pillow warns when a palette with transparency becomes RGB at once
    if image.mode in ("RGBA", "RGBX", "RGBa"):
        image = image.convert("RGBA").convert("RGB")
    return image if image.mode == mode else image.convert(mode)

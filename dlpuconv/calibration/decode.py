"""One image file -> pixels at the input's size."""

from __future__ import annotations

import struct
import zlib
from typing import IO, TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from dlpuconv.calibration.geometry import LETTERBOX_FILL, place
from dlpuconv.calibration.picture_kinds import HEAD, READ, READ_IN_WORDS, kind_of
from dlpuconv.files.regular import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from dlpuconv.calibration.preprocess import Resize

UNREADABLE = (
    Image.DecompressionBombError, ArithmeticError, EOFError, LookupError, MemoryError, OSError, RuntimeError,
    SyntaxError, TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip
"""What Pillow's decoders are known to raise on broken files."""

MOST_PIXELS = 100_000_000
"""A picture with more is refused by what its header says, before anything of it is decoded."""

_MOST_OF_WEBP = 50_000_000
"""Its decoder holds four pictures of the size: the frame, the one before, both together, and the result."""

_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
_GRAY = ("1", "L", "LA", "I", "I;16", "I;16L", "I;16B", "I;16N")
_STRIP = 64
"""Rows that are converted at a time."""


class LargePictureError(ValueError):
    """A picture has more pixels than are allowed."""


def decode(
    path: Path, size: tuple[int, int], channels: int, resize: Resize, most: int = MOST_PIXELS
) -> npt.NDArray[np.uint8]:
    """Read an image as a camera would have delivered it.

    The kind is told by content and is one of `picture_kinds.READ`; of several frames, the first is read. The EXIF
    orientation is applied; 16-bit samples keep their high byte; alpha is dropped, as `cv2.imread` and training code do;
    gray inputs get ITU-R 601 luma. Resizing is bilinear with antialiasing (Pillow's BILINEAR: the filter widens with
    the reduction), after JPEG's own reduction to no less than twice the size where that applies.

    Args:
        path: the file.
        size: height and width of the input.
        channels: 3 for RGB, 1 for gray.
        resize: geometry.
        most: pixels that may be in memory at once.

    Returns:
        [H, W, channels] uint8, RGB or gray.

    Raises:
        LargePictureError: it has more than `MOST_PIXELS`, or more than `most` would be in memory.
        ValueError: no picture of a kind that is read.
        Exception: one of UNREADABLE.
    """
    with open_regular(path) as stream:
        kind = _readable_kind(stream)
        image = _opened(stream, kind)
        _reduce_while_decoding(image, size, resize)
        if image.width * image.height > most:
            raise LargePictureError(f"it has more than {most} pixels")
        return pixels_of(image, size, channels, resize)


def _readable_kind(stream: IO[bytes]) -> str:
    kind = kind_of(stream.read(HEAD))
    if kind not in READ:
        raise ValueError(f"a {kind} file: {READ_IN_WORDS}" if kind else "not an image")
    return kind


def _opened(stream: IO[bytes], kind: str) -> Image.Image:
    """The picture, of which only the header has been read."""
    if kind == "WEBP":
        from PIL import WebPImagePlugin  # noqa: F401 - else Pillow looks for it by importing every decoder that it has
    most = _MOST_OF_WEBP if kind == "WEBP" else MOST_PIXELS
    too_large = LargePictureError(f"it has more than {most // 1_000_000} million pixels")
    try:
        image = Image.open(stream, formats=(kind,))
    except Image.DecompressionBombError:
        raise too_large from None
    if image.width * image.height > most:
        raise too_large
    return image


def pixels_of(image: Image.Image, size: tuple[int, int], channels: int, resize: Resize) -> npt.NDArray[np.uint8]:
    """Decode, and bring to the input's size."""
    ImageOps.exif_transpose(image, in_place=True)
    target = (size[1], size[0])
    placement = place(resize, image.size, target)
    parts = [
        band.resize(placement.size, Image.Resampling.BILINEAR, box=placement.box) for band in _bands(image, channels)
    ]
    mode = "RGB" if channels == 3 else "L"
    part = (Image.merge("RGB", parts) if len(parts) == 3 else parts[0]).convert(mode)
    if placement.size != target:
        canvas = Image.new(mode, target, (LETTERBOX_FILL,) * 3 if channels == 3 else LETTERBOX_FILL)
        canvas.paste(part, placement.at)
        part = canvas
    return np.asarray(part, np.uint8).reshape(size[0], size[1], channels)


def _reduce_while_decoding(file: Image.Image, size: tuple[int, int], resize: Resize) -> None:
    """Let the JPEG decoder skip the detail that resizing would throw away."""
    if file.format not in ("JPEG", "MPO"):  # others cannot, and some decode all to tell their EXIF orientation
        return
    sideways = file.getexif().get(_EXIF_ORIENTATION) in _SIDEWAYS
    upright = file.size[::-1] if sideways else file.size
    placement = place(resize, upright, (size[1], size[0]))
    box = placement.box
    factors = (placement.size[0] / (box[2] - box[0]), placement.size[1] / (box[3] - box[1]))
    wanted = [max(1, int(2 * extent * factor)) for extent, factor in zip(upright, factors, strict=True)]
    file.draft(None, (wanted[1], wanted[0]) if sideways else (wanted[0], wanted[1]))


def _bands(image: Image.Image, channels: int) -> Iterator[Image.Image]:
    """Gray or RGB of 8 bits, whole or channel by channel: each is resized on its own either way."""
    if image.mode == "RGBA" and channels == 3:
        yield from (image.getchannel(band) for band in "RGB")  # one is a quarter of what a copy without alpha takes
    else:
        yield _eight_bit(image, channels)


def _eight_bit(image: Image.Image, channels: int) -> Image.Image:
    """Gray or RGB of 8 bits, made strip by strip: beside the picture there is only its result.

    What is gray stays so, since channels that are equal stay equal when they are resized.
    """
    mode = "L" if channels == 1 or image.mode in _GRAY else "RGB"
    if image.mode == mode:
        return image
    # Gray PNGs of 16 bits arrive as "I;16" or "I"; the high byte is what 8-bit decoders keep.
    is_deep = image.mode.startswith("I;16") or (image.mode == "I" and _brightest(image) > 255)
    made = Image.new(mode, image.size)
    for top in range(0, image.height, _STRIP):
        box = (0, top, image.width, min(top + _STRIP, image.height))
        made.paste(_converted(image.crop(box), mode, is_deep=is_deep), box)
    return made


def _brightest(image: Image.Image) -> float:
    _, highest = image.getextrema()
    assert not isinstance(highest, tuple)  # of one band
    return highest


def _converted(image: Image.Image, mode: str, *, is_deep: bool) -> Image.Image:
    if image.mode.startswith("I"):
        values = np.asarray(image)
        image = Image.fromarray(np.clip(values >> 8 if is_deep else values, 0, 255).astype(np.uint8))
    if image.mode == "P":
        image = image.convert("RGBA")  # Pillow warns when a palette with transparency becomes RGB at once
    if image.mode == "RGBA":
        image = image.convert("RGB")
    return image if image.mode == mode else image.convert(mode)

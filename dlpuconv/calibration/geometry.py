"""Where an image goes when it takes another size: pure arithmetic on rectangles."""

from __future__ import annotations

from dataclasses import dataclass

from dlpuconv.calibration.preprocess import Resize

LETTERBOX_FILL = 114
"""Gray level beside a letterboxed image: what YOLO training uses."""

IN_WORDS: dict[Resize, str] = {
    Resize.STRETCH: "width and height scaled each by a factor of its own",
    Resize.LETTERBOX: f"scaled by one factor to fit inside, centred, the rest filled with gray ({LETTERBOX_FILL})",
    Resize.CENTER_CROP: "the largest part in the middle that has this ratio of width to height, scaled by one factor",
}
"""What an application has to do with a picture of another size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturePlacement:
    """The part of a source image that is resized, and the part of the input that it fills.

    Attributes:
        box: left, top, right, bottom in source pixels (fractions allowed).
        size: width and height of the resized part, in input pixels.
        at: left and top of the resized part, in input pixels.
    """

    box: tuple[float, float, float, float]
    size: tuple[int, int]
    at: tuple[int, int]


def place(resize: Resize, source: tuple[int, int], target: tuple[int, int]) -> PicturePlacement:
    """Fit an image of `source` (width, height) into an input of `target` (width, height).

    * stretch: the whole image, both axes scaled on their own.
    * letterbox: the whole image scaled by one factor, centred; the rest is filled.
    * center-crop: the largest centred part of the target's aspect ratio, scaled by one factor.
    """
    (w, h), (width, height) = source, target
    whole = (0.0, 0.0, float(w), float(h))
    if resize is Resize.STRETCH:
        return PicturePlacement(box=whole, size=target, at=(0, 0))
    if resize is Resize.LETTERBOX:
        scale = min(width / w, height / h)
        size = (max(1, round(w * scale)), max(1, round(h * scale)))
        return PicturePlacement(box=whole, size=size, at=((width - size[0]) // 2, (height - size[1]) // 2))
    scale = max(width / w, height / h)
    crop_w, crop_h = min(width / scale, w), min(height / scale, h)
    left, top = (w - crop_w) / 2, (h - crop_h) / 2
    return PicturePlacement(box=(left, top, left + crop_w, top + crop_h), size=target, at=(0, 0))

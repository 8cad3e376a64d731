"""Preprocessing, described once: what a network expects of an image, as calibration, verification and manifest read it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Resize(StrEnum):
    """How an image of another size becomes one of the input's size."""

    STRETCH = "stretch"
    LETTERBOX = "letterbox"
    CENTER_CROP = "center-crop"


class Color(StrEnum):
    """The channel order that the network was trained on."""

    RGB = "rgb"
    BGR = "bgr"
    GRAY = "gray"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """`x = (pixel - mean) / std` with pixel in 0..255, after `resize` and in the order of `color`.

    Attributes:
        resize: geometry.
        color: channel order of the network's input.
        mean: one value, or one a channel in the network's channel order, in 0-255 units.
        std: like mean; never zero.
        stated: True when the user gave mean, std or a preset: only then is a normalization folded into the file.
    """

    resize: Resize = Resize.STRETCH
    color: Color = Color.RGB
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    stated: bool = False

    def as_json(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)


PRESETS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "0-1": ((0.0,), (255.0,)),
    "-1-1": ((127.5,), (127.5,)),
    "0-255": ((0.0,), (1.0,)),
}
"""Mean and std, in 0-255 units, by the name of `--preset`."""

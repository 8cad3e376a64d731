"""Preprocessing, described once: what a network expects of an image; calibration, verification and manifest read it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dlpuconv.ir import ValueSpec


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

    @property
    def keeps_pixels(self) -> bool:
        """Whether the network is fed pixels 0-255 as they are."""
        return set(self.mean) == {0.0} and set(self.std) == {1.0}

    def as_json(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)

    def normalize(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """What the network takes for these pixels.

        Args:
            pixels: [..., C] RGB or gray, 0..255, as a camera delivers them.

        Returns:
            [..., C] float32 in the network's channel order; computed in float32, as training code does.
        """
        import numpy as np

        if self.color is Color.BGR:
            pixels = pixels[..., ::-1]
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        return np.asarray((pixels.astype(np.float32) - mean) / std, np.float32)

    def denormalize(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The inverse of `normalize`: pixels [..., C] in RGB order, float32, neither rounded nor clipped."""
        import numpy as np

        pixels = values.astype(np.float64) * np.asarray(self.std) + np.asarray(self.mean)
        return np.asarray(pixels[..., ::-1] if self.color is Color.BGR else pixels, np.float32)

    def per_channel(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and std, one value a channel, in the network's channel order."""
        mean = self.mean * channels if len(self.mean) == 1 else self.mean
        std = self.std * channels if len(self.std) == 1 else self.std
        return mean, std

    def check(self, spec: ValueSpec) -> None:
        """Make sure that this preprocessing can make the image input `spec`.

        Raises:
            UsageError: as many means, stds or colours as the input has no channels for.
        """
        for option, values in (("--mean", self.mean), ("--std", self.std)):
            if len(values) not in (1, spec.channels):
                raise UsageError(
                    f"{option} has {len(values)} values, but the input {spec.name!r} has {spec.channels} "
                    f"channel{'s' * (spec.channels != 1)}: give one value, or one a channel",
                    id="preprocessing-channels",
                )
        if self.color is Color.BGR and spec.channels != 3:
            raise UsageError(
                f"--color bgr needs an input of 3 channels, but {spec.name!r} has {spec.channels}",
                id="preprocessing-channels",
            )
        if self.color is Color.GRAY and spec.channels != 1:
            raise UsageError(
                f"--color gray needs an input of 1 channel, but {spec.name!r} has {spec.channels}",
                id="preprocessing-channels",
            )


PRESETS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "0-1": ((0.0,), (255.0,)),
    "-1-1": ((127.5,), (127.5,)),
    "0-255": ((0.0,), (1.0,)),
}
"""Mean and std, in 0-255 units and RGB order, by the name of `--preset`."""

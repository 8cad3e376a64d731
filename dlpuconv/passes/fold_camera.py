"""What a camera's pixels are to one input of a network: the numbers that folding a normalization works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.calibration.preprocess import Color
from dlpuconv.ir import Affine, InputBinding, Layout

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.calibration import Preprocessing
    from dlpuconv.ir import ValueSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """Raw pixels p (0..255, RGB) -> the network's input x.

    `x[:, order[c]] = (p[:, c] - mean[c]) / std[c]`, so p's channel c is x's channel order[c].

    Attributes:
        spec: the network's input.
        order: by camera channel: the network's channel; empty for the identity.
        mean: [C] in the camera's channel order, 0-255 units.
        std: [C] likewise.
    """

    spec: ValueSpec
    order: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of(cls, spec: ValueSpec, preprocessing: Preprocessing) -> Camera:
        """The camera that `preprocessing` describes.

        Raises:
            UsageError: as many means, stds or colours as the input has no channels for.
        """
        preprocessing.check(spec)
        mean, std = preprocessing.per_channel(spec.channels)
        order = (2, 1, 0) if preprocessing.color is Color.BGR else ()
        if order:
            mean, std = tuple(mean[c] for c in order), tuple(std[c] for c in order)
        return cls(spec=spec, order=order, mean=mean, std=std)

    @property
    def channel_axis(self) -> int:
        """1 for NCHW, 3 for NHWC."""
        return 1 if self.spec.layout is Layout.NCHW else 3

    @property
    def fits_quantization(self) -> bool:
        """True when one scale and one integer zero point express the normalization exactly."""
        mean = self.mean[0]
        return len(set(self.mean)) == len(set(self.std)) == 1 and mean.is_integer() and 0 <= mean <= 255

    def network_order(self) -> npt.NDArray[np.intp]:
        """By network channel: the camera's channel; the inverse of `order`."""
        return np.argsort(self.order) if self.order else np.arange(self.spec.channels)

    def by_quantization(self) -> InputBinding:
        """The integer input q is the raw pixel p: `scale * (q - zero_point) = (p - mean) / std`."""
        return InputBinding(
            name=self.spec.name,
            channel_axis=self.channel_axis,
            order=self.order,
            quantization=Affine.of(1 / self.std[0], round(self.mean[0])),
            raw_pixels=True,
        )

    def by_weights(self, zero_point: int) -> InputBinding:
        """The converted input is p - zero_point: x * std + mean - zero_point; its quantization makes q = p."""
        return InputBinding(
            name=self.spec.name,
            channel_axis=self.channel_axis,
            order=self.order,
            multiplier=self.std,
            offset=tuple(mean - zero_point for mean in self.mean),
            quantization=Affine.of(1.0, zero_point),
            raw_pixels=True,
        )

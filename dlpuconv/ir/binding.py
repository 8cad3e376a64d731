"""How a value of the source model's input becomes a value of the converted model's input.

A camera delivers raw uint8 pixels; a network was trained on normalized ones. When the normalization is folded
into the model, its input changes meaning, and everything that feeds it (calibration, parity, the manifest) must
know how. That knowledge is this value and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dlpuconv.ir.affine import Affine


class Normalization(StrEnum):
    """Where a stated normalization goes, so that the artifact takes raw 0-255 pixels."""

    CONV = "conv"
    """Into the first convolution; into operators in front where that costs more than 40 dB at the borders."""
    OP = "op"
    """Into operators in front of the network: exact."""
    OFF = "off"
    """Nowhere: the artifact takes normalized values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputBinding:
    """`converted[:, c] = source[:, order[c]] * multiplier[c] + offset[c]` on the channel axis.

    Attributes:
        name: the input, same in both models.
        channel_axis: the axis that `order`, `multiplier` and `offset` run along (1 for NCHW).
        multiplier: [C] or [1] float.
        offset: [C] or [1] float.
        order: source channel of each converted channel; empty for the identity.
        quantization: fixed, of the input in uint8; None to take it from statistics.
        raw_pixels: True when the converted input takes 0-255 as a camera delivers them.
    """

    name: str
    channel_axis: int = 1
    multiplier: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)
    order: tuple[int, ...] = ()
    quantization: Affine | None = None
    raw_pixels: bool = False

    def apply(self, source: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Values for the converted model, in the source model's layout.

        Args:
            source: the source model's input, any rank, float32.
        """
        import numpy as np

        if self.order:
            source = np.take(source, self.order, axis=self.channel_axis)
        if self.multiplier == (1.0,) and self.offset == (0.0,):
            return source
        along = [1] * source.ndim
        along[self.channel_axis] = -1
        multiplier = np.asarray(self.multiplier, np.float64).reshape(along)
        offset = np.asarray(self.offset, np.float64).reshape(along)
        return np.asarray(source * multiplier + offset, np.float32)

    def invert(self, converted: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Values for the source model, in its layout: what `apply` makes `converted` of.

        Args:
            converted: the converted model's input, any rank, float32.
        """
        import numpy as np

        if self.multiplier != (1.0,) or self.offset != (0.0,):
            along = [1] * converted.ndim
            along[self.channel_axis] = -1
            multiplier = np.asarray(self.multiplier, np.float64).reshape(along)
            offset = np.asarray(self.offset, np.float64).reshape(along)
            converted = np.asarray((converted - offset) / multiplier, np.float32)
        if not self.order:
            return converted
        return np.take(converted, np.argsort(self.order), axis=self.channel_axis)

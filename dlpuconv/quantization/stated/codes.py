"""Codes of a source that lie outside of a chip's: to saturate a few of them may cost less than another scale for all.

Training and converters choose a range that begins and ends with the weights, and has zero among its codes: counted from
zero, often a single weight of thousands lies beyond 127.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dlpuconv.scheme import Coding

    type Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCodes:
    """A layer's codes as the source has them, counted as the chip counts.

    Attributes:
        lowest: of them and of the chip's.
        highest: likewise.
        farthest: steps from the chip's to the farthest one outside.
        widened: [O] by how much the scale must grow for the largest weight of a channel to be a code; below 1 where it
            could shrink.
        rounded: [O] how many weights of a channel another scale rounds, which are all but zeros, over its energy, which
            is the sum of its codes squared.
        saturated: [O] what saturation moves in a channel, in steps squared, over its energy.
    """

    lowest: int
    highest: int
    farthest: int
    widened: Reals
    rounded: Reals
    saturated: Reals

    @classmethod
    def of(cls, codes: Reals, coding: Coding) -> SourceCodes:
        """What is to know of the codes of channels: [O, weights]."""
        inside = np.clip(codes, coding.lowest, coding.highest)
        far = np.abs(codes - coding.middle)
        energy = np.maximum(np.square(far).sum(axis=1), 1.0)  # a channel of zeros loses nothing
        return cls(
            lowest=min(coding.lowest, int(codes.min(initial=0))),
            highest=max(coding.highest, int(codes.max(initial=0))),
            farthest=int(np.abs(codes - inside).max(initial=0)),
            widened=far.max(axis=1, initial=0) / (coding.highest - coding.middle),
            rounded=np.count_nonzero(far, axis=1) / energy,
            saturated=np.square(codes - inside).sum(axis=1) / energy,
        )

    @classmethod
    def joined(cls, parts: Sequence[SourceCodes]) -> SourceCodes:
        """Those of all channels; at least one part."""
        rows: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("widened", "rounded", "saturated")
        }
        return cls(
            lowest=min(part.lowest for part in parts),
            highest=max(part.highest for part in parts),
            farthest=max(part.farthest for part in parts),
            **rows,
        )

    def saturates(self, *, per_channel: bool) -> bool:
        """Whether that is less noise in the channels, each beside its own energy, than scales by the largest weight.

        Rounding to a scale is off by a twelfth of its step squared on the average. Channels count alike, for training
        makes what they give alike: one of small weights must not drown in steps that another one asks for.

        Args:
            per_channel: the channels have scales of their own.
        """
        widened = self.widened if per_channel else self.widened.max()
        refitted = np.where(widened > 1, self.rounded * np.square(widened) / 12, 0.0)
        return bool(self.saturated.sum() <= refitted.sum())

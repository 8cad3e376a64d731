"""Samples: what calibration sees, and what it must not see."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.manifest import SamplesRecord

type Sample = Mapping[str, npt.NDArray[np.float32]]
"""One inference's inputs by name, in the *source model's* layout and value domain, batch axis included."""


class Samples(Protocol):
    """A finite, re-readable sequence of samples; one sample is in memory at a time."""

    def __len__(self) -> int:
        """How many samples there are."""
        ...

    def __iter__(self) -> Iterator[Sample]:
        """Every sample, in the same order each time."""
        ...

    @property
    def digest(self) -> str:
        """Hex digest of the samples' content and preprocessing: equal digests mean equal samples."""
        ...


@runtime_checkable
class PixelSamples(Samples, Protocol):
    """Samples that were images: their pixels are known as well."""

    def pixels(self, index: int) -> npt.NDArray[np.uint8]:
        """Sample `index` as a camera delivers it, at the input's size: [H, W, 3] RGB, or [H, W, 1] for a gray input."""
        ...


def raw_images(samples: Samples) -> Iterator[npt.NDArray[np.uint8]]:
    """The pixels of every sample, [H, W, 3] uint8 RGB; nothing when the samples were no images."""
    if isinstance(samples, PixelSamples):
        for index in range(len(samples)):
            yield samples.pixels(index)


class Origin(StrEnum):
    """Where the samples that ranges are taken from come from."""

    GIVEN = "given"
    """From the user."""
    SYNTHETIC = "synthetic"
    """From nobody: made up, for a conversion without data."""
    RANDOM = "random"
    """From a random generator, to try a conversion."""
    ABSENT = "absent"
    """There are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The samples of a conversion.

    Attributes:
        fit: for ranges.
        held_out: for parity: never seen by `fit`.
        origin: of `fit`, so that report and manifest can say it.
        measures: False where `fit` was made up although a quantized source states its scales.
        judges: True where `held_out` is real data, which recipes can be judged by.
        warnings: what the linter and the reader found.
        given: every sample that the user gave to calibrate with, held-out ones included, for a chip's own compiler;
            None where none was given.
    """

    fit: Samples
    held_out: Samples
    origin: Origin = Origin.GIVEN
    measures: bool = True
    judges: bool = True
    warnings: tuple[str, ...] = ()
    given: Samples | None = None

    @property
    def calibrated(self) -> bool:
        """True where ranges come from the user's own data."""
        return self.origin is Origin.GIVEN

    @property
    def record(self) -> SamplesRecord:
        """What is told of the samples without them: results outlive them."""
        from dlpuconv.manifest import SamplesRecord  # targets, which name how images are resized, are only listed

        given = (self.given, self.held_out if self.judges else None)
        return SamplesRecord(
            calibrated=self.calibrated,
            origin=self.origin.value,
            samples=len(self.fit) if self.measures else 0,
            held_out=len(self.held_out),
            digest=self.fit.digest,
            of_images=any(isinstance(samples, PixelSamples) and len(samples) for samples in given),
            warnings=self.warnings,
        )

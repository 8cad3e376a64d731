"""Samples: what calibration sees, and what it must not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    import numpy.typing as npt

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The samples of a conversion.

    Attributes:
        fit: for ranges.
        held_out: for parity: never seen by `fit`.
        calibrated: False when the samples are random, so that report and manifest say so.
        warnings: what the linter and the reader found.
    """

    fit: Samples
    held_out: Samples
    calibrated: bool = True
    warnings: tuple[str, ...] = ()

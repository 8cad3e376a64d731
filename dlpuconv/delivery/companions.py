"""Reference data for those who write the camera application."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Reference:
    """A few inferences of the artifact itself: what a camera would deliver, and what it must answer.

    Attributes:
        inputs: by input name, [N, ...] with the artifact's shape and dtype, N samples stacked.
        outputs: by output name, [N, ...] likewise.
    """

    inputs: Mapping[str, npt.NDArray[np.generic]]
    outputs: Mapping[str, npt.NDArray[np.generic]]

    def to_npz(self) -> bytes:
        """An `.npz` with the arrays `input.NAME` and `output.NAME`; same data, same bytes."""
        arrays = {f"input.{name}": value for name, value in self.inputs.items()}
        arrays |= {f"output.{name}": value for name, value in self.outputs.items()}
        stream = io.BytesIO()
        np.savez_compressed(stream, allow_pickle=False, **arrays)
        return stream.getvalue()

"""Reference data for those who write the camera application."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Reference:
    """A few inferences of the artifact itself: what a camera would deliver, and what it must answer.

    Attributes:
        inputs: by input name, [N, ...] with the artifact's shape and dtype, N samples stacked.
        outputs: by output name, [N, ...] likewise.
        whole: for each sample, what the tail of a divided network makes of that, and final activations of logits: the
            source's outputs by name, whose shapes may differ from sample to sample; empty without either.
    """

    inputs: Mapping[str, npt.NDArray[np.generic]]
    outputs: Mapping[str, npt.NDArray[np.generic]]
    whole: Sequence[Mapping[str, npt.NDArray[np.generic]]] = ()

    def to_npz(self) -> bytes:
        """An `.npz` with the arrays `input.NAME` and `output.NAME`; same data, same bytes.

        Behind a tail, or a final activation, there are `source_output.NAME.0`, `source_output.NAME.1` and so on too,
        one for each sample.
        """
        arrays = {f"input.{name}": value for name, value in self.inputs.items()}
        arrays |= {f"output.{name}": value for name, value in self.outputs.items()}
        for number, answer in enumerate(self.whole):
            arrays |= {f"source_output.{name}.{number}": value for name, value in answer.items()}
        stream = io.BytesIO()
        np.savez_compressed(stream, allow_pickle=False, **arrays)
        return stream.getvalue()

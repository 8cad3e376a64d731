"""All parts of a divided network as one function again: source inputs in, source outputs out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.division.division import Division
    from dlpuconv.formats.runner import Runner

    type Arrays = Mapping[str, npt.NDArray[np.generic]]


class Chain:
    """The front, the chip's part and the tail, one after the other. It is a `Runner` of the source network.

    Args:
        division: how the network is divided.
        chip: runs the chip's part under the source's value names and in the source's layouts and real units: the float
            model of it, or a converted file whose outputs were brought back (`verification.predictor`).

    Raises:
        ArtifactError: ONNX Runtime cannot run the front or the tail, such as one with operators of a vendor's domain.
    """

    def __init__(self, division: Division, chip: Runner) -> None:
        raise NotImplementedError

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[np.generic]]:
        """One inference: the source's inputs by name, the source's outputs by name."""
        raise NotImplementedError
